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

/// What a second chain of the same settings says, run without waiting: what everything that came over the first
/// one, its log and the wire is compared with.
struct L4Replay {
    std::vector<Hash256> digests;             ///< of diff 1, 2, …
    std::map<std::uint64_t, Hash256> hashes;  ///< of the state, at the heights that were asked for
    std::size_t entries = 0;                  ///< of the state at the tip
};

/// Heights over `tip` are left out. Errors: of EmbeddedChain::create() and L4State::apply().
[[nodiscard]] Result<L4Replay> l4_replay(ChainSettings settings, std::uint64_t tip,
                                         const std::set<std::uint64_t>& heights);

}  // namespace ioswarm::sim
