// SPDX-License-Identifier: Apache-2.0
// P10: the server's CPU time per SubmitResults call in JSON, and the rate that is reached. Every call answers a
// batch that the coordinator gave to that agent just before, and is accepted. The figure therefore contains
// everything: headers, authentication, decoding, judging, the durable record (group commit), the response.
// Batches are handed out before the measurement starts. Such calls never use the rate limiter, because the
// answer to a new batch is free. The work of the coordinator's other threads meanwhile (polling a pool that
// still lists all of these actions) is counted too. The floor is the same calls, byte for byte, to a bare gRPC
// server with the same settings that answers with fixed bytes.
#include <cstdlib>
#include <string>

#include "test/bench/bench_servers.hpp"
#include "test/bench/child_process.hpp"
#include "test/bench/goal.hpp"
#include "test/bench/submit_load.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;

namespace {

constexpr std::size_t kConnections = 1'000;
constexpr std::size_t kAgents = 5'000;
constexpr std::size_t kBatchesPerAgent = 2;  // per round
constexpr int kRounds = 3;

struct Figures {
    std::vector<double> cpu;    // µs per call
    std::vector<double> floor;  // µs per call
    std::vector<double> rate;   // calls per second
    std::vector<double> floor_rate;
    std::vector<double> body;  // bytes
};

std::pair<double, double> measure(bench::ChildProcess& server, bench::SubmitLoad& load,
                                  const bench::SubmitCalls& calls) {
    const double before = server.cpu_us();
    const bench::SubmitRun run = load.run(calls);
    const double spent = server.cpu_us() - before;
    if (run.accepted != run.calls || run.calls == 0) {
        fmt::print(stderr, "benchmark: {} of {} submissions were accepted\n", run.accepted, run.calls);
        std::_Exit(1);
    }
    const auto count = static_cast<double>(run.calls);
    return {spent / count, count / run.seconds};
}

double mean_body(const bench::SubmitCalls& calls) {
    double bytes = 0;
    double count = 0;
    for (const auto& connection : calls) {
        for (const bench::SubmitCall& call : connection) {
            bytes += static_cast<double>(call.body.size());
            ++count;
        }
    }
    return bytes / count;
}

Figures figures_of(std::uint32_t batch_size) {
    const test::TempDir payroll;
    bench::ChildProcess server({"coordinator", payroll.path()});
    bench::ChildProcess bare({"bare"});
    bench::SubmitLoad load(server.port(), kConnections, kAgents);
    bench::SubmitLoad floor_load(bare.port(), kConnections, kAgents);
    load.join();
    floor_load.join();
    load.open_streams(batch_size);
    const std::size_t tasks = kAgents * kBatchesPerAgent * batch_size;
    Figures out;
    for (int round = 0; round < kRounds; ++round) {
        (void)server.ask("feed " + std::to_string(tasks));
        const bench::SubmitCalls calls = load.collect(tasks);
        const auto [cpu, rate] = measure(server, load, calls);
        const auto [floor, floor_rate] = measure(bare, floor_load, calls);
        out.cpu.push_back(cpu);
        out.floor.push_back(floor);
        out.rate.push_back(rate);
        out.floor_rate.push_back(floor_rate);
        out.body.push_back(mean_body(calls));
        (void)server.ask("mine");
    }
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto status = bench::serve_if_asked(argc, argv)) return *status;
    bench::allow_many_files();
    const Figures ten = figures_of(10);
    const bench::Sample cpu = bench::sample_of(ten.cpu);
    bench::print_goal("P10", "SubmitResults of 10 results, server CPU a call", cpu, "µs",
                      bench::sample_of(ten.floor), "≤ 70 µs", cpu.median <= 70);
    bench::print_figure("P10",
                        fmt::format("rate reached, bodies of {:.0f} bytes", bench::sample_of(ten.body).median),
                        bench::sample_of(ten.rate), "/s");
    bench::print_figure("P10", "rate of the floor", bench::sample_of(ten.floor_rate), "/s");
    const Figures one = figures_of(1);
    const bench::Sample single = bench::sample_of(one.cpu);
    bench::print_goal("P10", "SubmitResults of 1 result, server CPU a call", single, "µs",
                      bench::sample_of(one.floor), "≤ 70 µs", single.median <= 70);
    bench::print_figure("P10",
                        fmt::format("rate reached, bodies of {:.0f} bytes", bench::sample_of(one.body).median),
                        bench::sample_of(one.rate), "/s");
    return 0;
}
