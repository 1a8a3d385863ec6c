// SPDX-License-Identifier: Apache-2.0
// P8: the memory per connected, idle agent with its task stream open (and then with both streams), and how much
// of it remains after a storm of batches, answers, joins and leaves, and of diffs. The floor is a bare gRPC
// server with the same settings that answers the same calls with fixed bytes and holds the same streams.
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "core/crypto/hmac.hpp"
#include "proto/agents/agent_group.hpp"
#include "test/bench/bench_servers.hpp"
#include "test/bench/child_process.hpp"
#include "test/bench/goal.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kAgents = 2'000;
// Connected before the first measurement, to exclude one-time costs of the first agents.
constexpr std::size_t kWarmAgents = 100;
constexpr std::size_t kLeavers = 200;
constexpr int kRounds = 3;
constexpr int kStormSteps = 6;
constexpr std::size_t kActionsPerStep = 10'000;
constexpr std::size_t kBlocksAfter = 40;  // more blocks than a late answer may take
constexpr unsigned kAgentThreads = 4;

/// Agents that each have their own connection and send heartbeats at the default interval.
class Crowd {
  public:
    Crowd(const bench::ChildProcess& server, std::string name)
        : name_(std::move(name)),
          agents_({"127.0.0.1:" + std::to_string(server.port()), false, "", ""}, {}, kAgentThreads, {}) {}

    /// Adds agents and returns when all agents so far are registered and their streams are being opened.
    void add(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            proto::AgentProfile profile;
            profile.id = name_ + "-" + std::to_string(size_++);
            profile.token = agent_token(bench::kSecret, profile.id);
            profile.region = "loopback";
            profile.version = "bench";
            agents_.add(std::move(profile), [](const TaskPackage&) {
                TaskResult result;
                result.valid = true;
                result.gas_estimate = 21'000;
                return result;
            });
        }
        const auto until = std::chrono::steady_clock::now() + 30s;
        while (agents_.counters().registrations < size_) {
            if (std::chrono::steady_clock::now() > until) {
                fmt::print(stderr, "{} of {} agents are registered\n", agents_.counters().registrations, size_);
                std::exit(1);
            }
            std::this_thread::sleep_for(20ms);
        }
    }
    [[nodiscard]] proto::AgentCounters counters() const { return agents_.counters(); }

  private:
    const std::string name_;
    std::size_t size_ = 0;
    proto::AgentGroup agents_;
};

struct Storm {
    double batches = 0;
    double joins = 0;
};

/// Feeds new actions all the time while other agents join and leave. Then everything is mined and forgotten.
Storm storm(bench::ChildProcess& server, const Crowd& crowd) {
    Storm seen;
    for (int step = 0; step < kStormSteps; ++step) {
        (void)server.ask("feed " + std::to_string(kActionsPerStep));
        {
            Crowd leavers(server, "leaver");
            leavers.add(kLeavers);
            seen.joins += static_cast<double>(kLeavers);
            std::this_thread::sleep_for(300ms);
        }
        if (step % 2 == 1) (void)server.ask("mine");
    }
    std::this_thread::sleep_for(1500ms);
    (void)server.ask("mine");
    (void)server.ask("blocks " + std::to_string(kBlocksAfter));
    seen.batches = static_cast<double>(crowd.counters().batches);
    return seen;
}

/// KiB per agent between these two measurements.
double kib_each(double bytes, double before) {
    return (bytes - before) / 1024 / static_cast<double>(kAgents);
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto status = bench::serve_if_asked(argc, argv)) return *status;
    bench::allow_many_files();
    std::vector<double> connected;
    std::vector<double> bare;
    std::vector<double> over_bare;
    std::vector<double> after;
    std::vector<double> after_over_before;
    std::vector<double> batches;
    for (int round = 0; round < kRounds; ++round) {
        {
            bench::ChildProcess server({"bare"});
            Crowd crowd(server, "agent");
            crowd.add(kWarmAgents);
            const double before = server.settled_bytes();
            crowd.add(kAgents);
            bare.push_back(kib_each(server.settled_bytes(), before));
        }
        const test::TempDir payroll;
        bench::ChildProcess server({"coordinator", payroll.path()});
        Crowd crowd(server, "agent");
        crowd.add(kWarmAgents);
        const double before = server.settled_bytes();
        crowd.add(kAgents);
        connected.push_back(kib_each(server.settled_bytes(), before));
        over_bare.push_back(connected.back() / bare.back());
        batches.push_back(storm(server, crowd).batches);
        after.push_back(kib_each(server.settled_bytes(), before));
        after_over_before.push_back(after.back() / connected.back());
        if (crowd.counters().streams_ended > 0)
            fmt::print(stderr, "{} streams ended meanwhile\n", crowd.counters().streams_ended);
    }
    const bench::Sample ratio = bench::sample_of(over_bare);
    const bench::Sample after_ratio = bench::sample_of(after_over_before);
    bench::print_goal("P8", fmt::format("memory an agent with one stream, {} agents", kAgents),
                      bench::sample_of(connected), "KiB", bench::sample_of(bare), "≤ 1.15× the bare server",
                      ratio.median <= 1.15);
    bench::print_goal("P8", "the same after a storm", bench::sample_of(after), "KiB",
                      bench::sample_of(connected), "≤ 1.1× before it", after_ratio.median <= 1.1);
    bench::print_figure("P8",
                        fmt::format("batches answered in the storm, {} joins beside", kStormSteps * kLeavers),
                        bench::sample_of(batches), "");
    return 0;
}
