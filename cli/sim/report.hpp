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

/// Figures that follow from the seed, as this run showed them: the same in every run, unless transactions were
/// left without an answer, which is told.
struct SeedFigures {
    sim::ScenarioFigures planned;
    std::array<std::uint32_t, sim::kAgentFaults> agents{};  ///< by fault
    std::array<std::uint64_t, sim::kForgeries> forged{};    ///< by what is wrong with them
    std::uint64_t unanswered = 0;                           ///< mined or forged ones with too few answers
    std::uint64_t forged_rejected = 0;
    std::uint64_t forged_accepted = 0;
    ShadowTotals shadow;
    std::uint64_t epochs_paid = 0;
    U256 paid_rau = 0;
};

struct Latencies {
    std::chrono::microseconds p50{}, p95{}, p99{}, most{};
};
[[nodiscard]] Latencies latencies_of(const sim::LatencyHistogram& histogram);

/// What is different from run to run.
struct RunFigures {
    std::chrono::nanoseconds preparing{}, joining{}, load{}, draining{}, leaving{};
    sim::RunTotals totals;
    std::uint64_t answers_in_load = 0;
    std::uint64_t left_unanswered = 0;
    Latencies task, agent;
    double queue_mean = 0;  ///< tasks waiting or with agents, looked at several times a second
    std::uint64_t queue_most = 0;
    std::uint64_t queue_first_half = 0;  ///< means of the halves: growing or not
    std::uint64_t queue_second_half = 0;
    std::chrono::nanoseconds chain_waited{};  ///< the chain stood still for answers
    std::uint64_t stalls = 0;
    std::uint64_t timed_out = 0, given_up = 0, dropped = 0;
    // CPU during the load.
    double cpu_seconds = 0;
    double agents_cpu_seconds = 0;
    unsigned cores = 1;
    unsigned agent_threads = 1;
    std::uint32_t connections = 0;
    std::uint32_t agents_per_connection = 1;
    std::uint64_t peak_resident_bytes = 0;
    std::optional<sim::HeapUse> heap;

    [[nodiscard]] double answers_per_second() const;
    [[nodiscard]] double agents_cpu_share() const;  ///< 0..1, of the process's
    [[nodiscard]] bool queue_grew() const;
    /// What to think of the figures; empty = nothing stands against them.
    [[nodiscard]] std::vector<std::string> warnings() const;
};

struct SimReport {
    SimOptions options;
    std::optional<SeedFigures> seed;  ///< not for agents alone
    RunFigures run;
    struct Row {
        std::string id;
        std::string region;
        sim::AgentFault fault = sim::AgentFault::none;
        sim::AgentTally tally;
    };
    std::vector<Row> agents;  ///< most answers first
    std::map<std::string, std::uint64_t> failures;
    std::vector<sim::Finding> findings;

    [[nodiscard]] bool holds() const;
};

void print_text(const SimReport& report, std::ostream& out);
void print_json(const SimReport& report, std::ostream& out);

/// The command line that repeats the run.
[[nodiscard]] std::string repeat_line(const SimOptions& options);

}  // namespace ioswarm::cli
