// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/ports/diff_store.hpp"
#include "core/sim/l4_replay.hpp"
#include "core/sim/l4_run.hpp"

namespace ioswarm::sim {

/// Everything that was observed in a run.
struct L4Evidence {
    std::uint64_t tip = 0;              ///< height of the source's last block
    std::vector<L4AgentRecord> agents;  ///< as they were at the end
    bool has_snapshot = true;           ///< the round trip was made
    Status snapshot;                    ///< result of the round trip
    std::uint64_t snapshot_height = 0;
    /// How far the slowest of the always-online agents was behind the tip when its time to catch up was over.
    std::uint64_t online_lag = 0;
    std::vector<std::string> ghosts;  ///< agents that had quit and still had a stream at the end of the run
    std::vector<std::string> subscribers;  ///< subscribers that remained after all agents had left
    std::size_t streams_left = 0;          ///< streams of agents that had left
    Status health;
};

/// The nine checks of iotex-core's simulation, and a tenth: every agent's state equals that of the replay.
[[nodiscard]] std::vector<L4Check> l4_checks(const L4Evidence& evidence, const DiffStore& store,
                                             const L4Replay& replay);

/// Those of them that also hold in a run that was stopped: the agents need not have reached the tip, and nobody
/// waited until the coordinator knew that they had left.
[[nodiscard]] std::vector<L4Check> l4_checks_stopped(const L4Evidence& evidence, const DiffStore& store,
                                                     const L4Replay& replay);

/// Builds the state from the log's rows 1 to `tip`. Errors: those of the store; bad_data.
[[nodiscard]] Result<L4State> state_of_log(const DiffStore& store, std::uint64_t tip);

}  // namespace ioswarm::sim
