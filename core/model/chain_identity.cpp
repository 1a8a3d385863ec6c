// SPDX-License-Identifier: Apache-2.0
#include "core/model/chain_identity.hpp"

namespace ioswarm {

std::string ChainIdentity::text() const {
    std::string out = "EVM chain id " + std::to_string(evm);
    if (node) out += ", node chain id " + std::to_string(*node);
    if (node == 0U) return out + " (the embedded chain)";
    if (evm == 4689) return out + " (IoTeX mainnet)";
    if (evm == 4690) return out + " (IoTeX testnet)";
    return out;
}

}  // namespace ioswarm
