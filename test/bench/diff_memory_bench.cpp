// SPDX-License-Identifier: Apache-2.0
// P8 with both streams: the memory per connected agent that has its task stream and its diff stream open on one
// connection, and how much of it remains after many diffs. Every second agent uses JSON. The floor is a bare
// gRPC server with the same settings that holds the same streams.
#include <string>
#include <vector>

#include "test/bench/bench_servers.hpp"
#include "test/bench/child_process.hpp"
#include "test/bench/diff_load.hpp"
#include "test/bench/goal.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;

namespace {

constexpr std::size_t kAgents = 2'000;
// Connected before the first measurement, to exclude one-time costs of the first agents.
constexpr std::size_t kWarmAgents = 100;
constexpr int kRounds = 3;
constexpr std::size_t kBlocks = 40;

void join(bench::DiffLoad& load, std::size_t agents) {
    load.open_agents(agents / 2, proto::Codec::json);
    load.open_agents(agents / 2, proto::Codec::protobuf);
}

/// KiB per agent between these two measurements.
double kib_each(double bytes, double before) {
    return (bytes - before) / 1024 / static_cast<double>(kAgents);
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto status = bench::serve_if_asked(argc, argv)) return *status;
    bench::allow_many_files();
    std::vector<double> bare;
    std::vector<double> connected;
    std::vector<double> over_bare;
    std::vector<double> after;
    std::vector<double> after_over_before;
    for (int round = 0; round < kRounds; ++round) {
        {
            bench::ChildProcess server({"bare"});
            bench::DiffLoad load(server.port(), "agent");
            join(load, kWarmAgents);
            const double before = server.settled_bytes();
            join(load, kAgents);
            bare.push_back(kib_each(server.settled_bytes(), before));
        }
        const test::TempDir payroll;
        bench::ChildProcess server({"coordinator", payroll.path()});
        bench::DiffLoad load(server.port(), "agent");
        join(load, kWarmAgents);
        const double before = server.settled_bytes();
        join(load, kAgents);
        connected.push_back(kib_each(server.settled_bytes(), before));
        over_bare.push_back(connected.back() / bare.back());
        (void)server.ask("append " + std::to_string(kBlocks));
        load.run([&] { return load.diffs() >= kBlocks * (kAgents + kWarmAgents); });
        after.push_back(kib_each(server.settled_bytes(), before));
        after_over_before.push_back(after.back() / connected.back());
    }
    bench::print_goal("P8", fmt::format("memory an agent with both streams, {} agents", kAgents),
                      bench::sample_of(connected), "KiB", bench::sample_of(bare), "≤ 1.15× the bare server",
                      bench::sample_of(over_bare).median <= 1.15);
    bench::print_goal("P8", fmt::format("the same after {} diffs of 22 KB", kBlocks), bench::sample_of(after),
                      "KiB", bench::sample_of(connected), "≤ 1.1× before it",
                      bench::sample_of(after_over_before).median <= 1.1);
    return 0;
}
