// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/sim/options.hpp"
#include "core/sim/invariants.hpp"
#include "core/sim/run_record.hpp"

namespace ioswarm::cli {

/// Figures that follow from the seed, as measured in this run. They are the same in every run, unless
/// transactions were left unanswered, which the report then says.
struct SeedFigures {
    sim::ScenarioFigures planned;
    std::array<std::uint32_t, sim::kAgentFaults> agents{};  ///< agents by fault
    std::array<std::uint64_t, sim::kForgeries> forged{};    ///< forged transactions by kind of forgery
    std::uint64_t unanswered = 0;  ///< mined or forged transactions with too few answers
    std::uint64_t forged_rejected = 0;
    std::uint64_t forged_accepted = 0;
    ShadowTotals shadow;
    std::uint64_t epochs_paid = 0;
    U256 paid_rau = 0;
};

/// The 50th, 95th and 99th percentile and the largest of many times.
struct Latencies {
    std::chrono::microseconds p50{}, p95{}, p99{}, most{};
};
[[nodiscard]] Latencies latencies_of(const sim::LatencyHistogram& histogram);

/// Figures that differ from run to run.
struct RunFigures {
    std::chrono::nanoseconds preparing{}, joining{}, load{}, draining{}, leaving{};
    sim::RunTotals totals;
    std::uint64_t answers_in_load = 0;
    std::uint64_t left_unanswered = 0;
    Latencies task, agent;
    double queue_mean = 0;  ///< tasks waiting or with agents, sampled several times per second
    std::uint64_t queue_max = 0;
    /// Mean queue length in the first and in the second half of the load. They show whether the queue grows.
    std::uint64_t queue_first_half = 0;
    std::uint64_t queue_second_half = 0;
    std::chrono::nanoseconds chain_waited{};  ///< how long the chain paused to wait for answers
    std::uint64_t stalls = 0;
    std::uint64_t timed_out = 0, given_up = 0, dropped = 0;
    // CPU use during the load.
    double cpu_seconds = 0;
    double agents_cpu_seconds = 0;
    unsigned cores = 1;
    unsigned agent_threads = 1;
    std::uint32_t connections = 0;
    std::uint32_t agents_per_connection = 1;
    std::uint64_t peak_resident_bytes = 0;
    std::optional<sim::HeapUse> heap;

    [[nodiscard]] double answers_per_second() const;
    [[nodiscard]] double agents_cpu_share() const;  ///< 0 to 1, the agents' share of the process's CPU time
    [[nodiscard]] bool queue_grew() const;
    /// Warnings about how far the figures can be trusted. Empty = no warnings.
    [[nodiscard]] std::vector<std::string> warnings() const;
};

/// Everything that a run of `sim` reports.
struct SimReport {
    SimOptions options;
    std::optional<SeedFigures> seed;  ///< not set when only agents ran, and when it was stopped
    bool stopped = false;             ///< a signal ended it before its end
    RunFigures run;
    struct Row {
        std::string id;
        std::string region;
        sim::AgentFault fault = sim::AgentFault::none;
        sim::AgentTally tally;
    };
    std::vector<Row> agents;  ///< sorted, most answers first
    std::map<std::string, std::uint64_t> failures;
    std::vector<sim::Finding> findings;

    [[nodiscard]] bool holds() const;
};

void print_text(const SimReport& report, std::ostream& out);
void print_json(const SimReport& report, std::ostream& out);

/// The command line that repeats the run.
[[nodiscard]] std::string repeat_line(const SimOptions& options);

}  // namespace ioswarm::cli
