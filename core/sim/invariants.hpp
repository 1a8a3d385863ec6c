// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model/settings.hpp"
#include "core/ports/monitor.hpp"
#include "core/sim/run_record.hpp"
#include "core/sim/scenario.hpp"

namespace ioswarm::sim {

/// The coordinator's own figures after a run, to be compared with the agents' figures.
struct CoordinatorSays {
    StatusView status;                              ///< when no transaction was pending any more
    std::map<std::string, std::uint64_t> counters;  ///< at the same time, by key (see metrics::Registry)
    ShadowTotals shadow;
    /// One entry per agent, by its number, when every epoch with work was closed.
    std::vector<RewardsView> rewards;
};

/// What remained of the agents some time after they left; every figure should be 0.
using Leftovers = std::map<std::string, std::uint64_t>;

/// Memory use of the process, to find leaks.
struct HeapUse {
    std::uint64_t before = 0;  ///< bytes in use before the first agent connected
    std::uint64_t after = 0;   ///< bytes in use after the last agent was forgotten
    std::uint64_t slack = 0;   ///< bytes that may remain: hash tables that do not shrink, bounded caches
};

/// Everything that check_run() compares.
struct RunFacts {
    const Scenario& scenario;
    const RunRecord& record;
    const FaultPlan& faults;
    RewardSettings rewards;
    CoordinatorSays says;
    Leftovers leftovers;
    std::optional<HeapUse> heap;  ///< empty if it cannot be measured
};

/// The result of checking one invariant.
struct Finding {
    std::string name;
    bool holds = false;
    std::string detail;  ///< if it holds, the figures that were compared; otherwise the first violation
};

/// Checks the invariants of a run against our own coordinator. Every figure is computed again here, without any
/// code of the coordinator. Call it after the agents have left.
[[nodiscard]] std::vector<Finding> check_run(const RunFacts& facts);

/// Checks the invariants that agents alone can see, for a coordinator elsewhere.
[[nodiscard]] std::vector<Finding> check_agents_alone(const RunRecord& record);
/// The same for a run that was stopped. Answers that were being submitted at that time may have no outcome.
[[nodiscard]] std::vector<Finding> check_agents_stopped(const RunRecord& record);

}  // namespace ioswarm::sim
