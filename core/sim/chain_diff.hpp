// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a block of the embedded chain changed, as the entries that a node's state diff has
// (../shared/spec/state-and-snapshots.md section 1, node.md section 3).

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/model/messages.hpp"
#include "core/sim/chain_model.hpp"

namespace ioswarm::sim {

/// An account and what became of it. One that is not there is ModelAccount{}.
struct ChangedAccount {
    Address address;
    ModelAccount before;
    ModelAccount after;
};

/// The diff of the block at `height`: for each change in order the nodes of the contract's storage trie that go
/// and that come, the code of a new contract, and the account; `Account`/`currentHeight` last; with its digest.
[[nodiscard]] StateDiff make_diff(std::uint64_t height, std::span<const ChangedAccount> changes);

/// Value of an `Account` entry: the account's protobuf. The trie's root is that of a trie with slot 0 alone, or
/// 32 zero bytes.
[[nodiscard]] Bytes account_value(const Address& address, const ModelAccount& account);

/// A `Contract` entry: a node of a storage trie under its hash.
struct TrieNode {
    Hash256 hash;  ///< keccak256(contract address ‖ bytes)
    Bytes bytes;
};
[[nodiscard]] TrieNode leaf_node(const Address& contract, const Hash256& slot, const Hash256& value);
/// The root of a trie that has one leaf.
[[nodiscard]] TrieNode root_node(const Address& contract, const Hash256& slot, const Hash256& leaf);

}  // namespace ioswarm::sim
