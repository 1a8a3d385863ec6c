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

/// What the coordinator shows of itself after a run: its own word, to be held against the agents'.
struct CoordinatorSays {
    StatusView status;  ///< when the chain had come to rest
    ShadowTotals shadow;
    /// One for each agent of the swarm, by its number, when every epoch with work was closed.
    std::vector<RewardsView> rewards;
};

/// What was left of the agents a while after they had gone; all should be 0.
using Leftovers = std::map<std::string, std::uint64_t>;

struct HeapUse {
    std::uint64_t before = 0;  ///< bytes in use before the first agent came
    std::uint64_t after = 0;   ///< and after the last one was forgotten
    std::uint64_t slack = 0;   ///< that may be kept: buckets of tables that do not shrink, caches with a bound
};

struct RunFacts {
    const Scenario& scenario;
    const RunRecord& record;
    const FaultPlan& faults;
    RewardSettings rewards;
    CoordinatorSays says;
    Leftovers leftovers;
    std::optional<HeapUse> heap;  ///< nothing where it cannot be measured
};

struct Finding {
    std::string name;
    bool holds = false;
    std::string detail;  ///< figures that show it, or the first thing that breaks it
};

/// The invariants of a run on a coordinator of our own; every figure is computed here anew, with no code of the
/// coordinator's. Call it when the agents have left.
[[nodiscard]] std::vector<Finding> check_run(const RunFacts& facts);

/// Those that agents alone can see, of a coordinator elsewhere.
[[nodiscard]] std::vector<Finding> check_agents_alone(const RunRecord& record);

}  // namespace ioswarm::sim
