// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "core/base/result.hpp"
#include "core/sim/chain_settings.hpp"
#include "core/sim/l4_state.hpp"

namespace ioswarm::sim {

/// The results of a second chain with the same settings, run without waiting. Everything that came through the
/// first chain, its log and the network is compared with it.
struct L4Replay {
    std::vector<Hash256> digests;             ///< of diffs 1, 2, …
    std::map<std::uint64_t, Hash256> hashes;  ///< state hashes at the requested heights
    std::size_t entries = 0;                  ///< number of entries in the state at the tip
};

/// Replays the chain up to `tip`. Requested heights above `tip` are ignored. Errors: those of
/// EmbeddedChain::create() and L4State::apply().
[[nodiscard]] Result<L4Replay> l4_replay(ChainSettings settings, std::uint64_t tip,
                                         const std::set<std::uint64_t>& heights);

}  // namespace ioswarm::sim
