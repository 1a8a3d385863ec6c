// SPDX-License-Identifier: Apache-2.0
#pragma once

// The changes of one block of the embedded chain, as the entries that a node's state diff has: `Account`,
// `Code` and `Contract` entries.

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/model/messages.hpp"
#include "core/sim/chain_model.hpp"

namespace ioswarm::sim {

/// An account before and after a block. ModelAccount{} stands for an account that does not exist.
struct ChangedAccount {
    Address address;
    ModelAccount before;
    ModelAccount after;
};

/// Makes the diff of the block at `height`, including its digest. For each change, in order, it contains the
/// deleted and the new nodes of the contract's storage trie, the code of a new contract, and the account. The
/// last entry is `Account`/`currentHeight`.
[[nodiscard]] StateDiff make_diff(std::uint64_t height, std::span<const ChangedAccount> changes);

/// The value of an `Account` entry: the account as protobuf. Its storage root is that of a trie with only slot
/// 0, or 32 zero bytes.
[[nodiscard]] Bytes account_value(const Address& address, const ModelAccount& account);

/// A `Contract` entry: a node of a storage trie, stored under its hash.
struct TrieNode {
    Hash256 hash;  ///< keccak256(contract address ‖ bytes)
    Bytes bytes;
};
[[nodiscard]] TrieNode leaf_node(const Address& contract, const Hash256& slot, const Hash256& value);
/// The root node of a trie that has one leaf.
[[nodiscard]] TrieNode root_node(const Address& contract, const Hash256& slot, const Hash256& leaf);

}  // namespace ioswarm::sim
