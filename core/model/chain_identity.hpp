// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ioswarm {

/// Identifies a chain. A ledger and a log of state diffs belong to one chain: work done on another chain must
/// never be paid, and diffs of two chains do not fit together.
struct ChainIdentity {
    std::uint64_t evm = 0;  ///< EVM chain id (eth_chainId): 4689 mainnet, 4690 testnet
    /// The chain id that the node's own API reports (GetChainMeta): 1 mainnet, 2 testnet; 0 is the embedded
    /// chain. Nothing when the node does not report it, which is so when its gRPC API speaks JSON.
    std::optional<std::uint64_t> node;

    bool operator==(const ChainIdentity&) const = default;

    /// True when the two may be the same chain: no id that both know differs.
    [[nodiscard]] bool may_be(const ChainIdentity& other) const noexcept {
        return evm == other.evm && (!node || !other.node || *node == *other.node);
    }
    /// For example "EVM chain id 4689, node chain id 1", with the names of the known chains.
    [[nodiscard]] std::string text() const;
};

}  // namespace ioswarm
