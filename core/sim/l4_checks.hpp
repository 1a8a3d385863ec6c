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

/// What was seen of a run.
struct L4Evidence {
    std::uint64_t tip = 0;              ///< the source's last block
    std::vector<L4AgentRecord> agents;  ///< at the end
    Status snapshot;                    ///< of the round trip
    std::uint64_t snapshot_height = 0;
    /// Of the agents that were always there, how far the last one was from the tip when it was to be there.
    std::uint64_t online_lag = 0;
    std::vector<std::string> ghosts;       ///< agents that had quit and still had a stream at the run's end
    std::vector<std::string> subscribers;  ///< that were left when all had gone
    std::size_t streams_left = 0;          ///< of agents that had gone
    Status health;
};

/// The nine checks of the field, and that every state is the replay's.
[[nodiscard]] std::vector<L4Check> l4_checks(const L4Evidence& evidence, const DiffStore& store,
                                             const L4Replay& replay);

/// The state that the log's rows from 1 to `tip` make. Errors: of the store; bad_data.
[[nodiscard]] Result<L4State> state_of_log(const DiffStore& store, std::uint64_t tip);

}  // namespace ioswarm::sim
