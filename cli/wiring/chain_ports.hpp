// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/evm/reading.hpp"
#include "core/ports/act_pool_reader.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/state_diff_source.hpp"
#include "core/ports/state_reader.hpp"
#include "core/sim/embedded_chain.hpp"

namespace ioswarm::cli {

/// The chain as a coordinator sees it. The ports belong to `owner`, which keeps them alive.
struct ChainPorts {
    std::shared_ptr<void> owner;
    ActPoolReader* pool = nullptr;
    StateReader* state = nullptr;
    BlockSource* blocks = nullptr;
    /// Reads the state that runs of transactions need. Null: no transaction is run.
    evm::StateFetchers* run_state = nullptr;
    /// Null: the chain has no state diffs.
    StateDiffSource* diffs = nullptr;
};

/// All ports of an embedded chain.
[[nodiscard]] ChainPorts ports_of(std::shared_ptr<sim::EmbeddedChain> chain);

}  // namespace ioswarm::cli
