// SPDX-License-Identifier: Apache-2.0
#include "cli/wiring/chain_ports.hpp"

#include <utility>

namespace ioswarm::cli {

ChainPorts ports_of(std::shared_ptr<sim::EmbeddedChain> chain) {
    ChainPorts out;
    out.pool = chain.get();
    out.state = chain.get();
    out.blocks = chain.get();
    out.run_state = chain.get();
    out.diffs = &chain->diffs();
    out.owner = std::move(chain);
    return out;
}

}  // namespace ioswarm::cli
