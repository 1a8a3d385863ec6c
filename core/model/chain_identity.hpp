// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ioswarm {

/// Which chain it is. A ledger and a log of state diffs belong to one chain: what was earned on another one
/// must never be paid, and diffs of two chains do not fit together.
struct ChainIdentity {
    std::uint64_t evm = 0;  ///< EVM chain id (eth_chainId): 4689 mainnet, 4690 testnet
    /// The chain id of the node's own API (GetChainMeta): 1 mainnet, 2 testnet; 0 is the embedded chain.
    /// Nothing: a node that does not tell it (whose gRPC API speaks JSON).
    std::optional<std::uint64_t> node;

    bool operator==(const ChainIdentity&) const = default;

    /// No id that both know differs.
    [[nodiscard]] bool may_be(const ChainIdentity& other) const noexcept {
        return evm == other.evm && (!node || !other.node || *node == *other.node);
    }
    /// "EVM chain id 4689, node chain id 1", with the names of the known chains.
    [[nodiscard]] std::string text() const;
};

}  // namespace ioswarm
