// SPDX-License-Identifier: Apache-2.0
#include "core/sim/chain_diff.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/wire.hpp"
#include "core/crypto/keccak.hpp"
#include "core/model/state_digest.hpp"
#include "core/sim/contract_code.hpp"

namespace ioswarm::sim {

namespace {

constexpr std::uint32_t kPutWrite = 0;
constexpr std::uint32_t kDeleteWrite = 1;
constexpr std::uint64_t kZeroNonce = 1;  // type of an account whose stored nonce is the next one to use

Hash256 word_of(std::uint64_t number) {
    Hash256 out;
    for (std::size_t i = 0; i < 8; ++i)
        out.bytes[31 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    return out;
}

TrieNode node_of(const Address& contract, Bytes bytes) {
    Keccak256 hash;
    hash.update(contract.view()).update(bytes);
    return {hash.finish(), std::move(bytes)};
}

/// The contract's whole storage trie: one leaf under one root.
struct Storage {
    TrieNode leaf;
    TrieNode root;

    Storage(const Address& contract, std::uint64_t word)
        : leaf(leaf_node(contract, Hash256{}, word_of(word))),
          root(root_node(contract, Hash256{}, leaf.hash)) {}
};

class Entries {
  public:
    void put(const char* ns, BytesView key, Bytes value) {
        list_.push_back({kPutWrite, ns, to_bytes(key), std::move(value)});
    }
    void remove(const char* ns, BytesView key) { list_.push_back({kDeleteWrite, ns, to_bytes(key), {}}); }

    void storage(const ChangedAccount& change) {
        if (change.before.word == change.after.word) return;
        if (change.before.word != 0) {
            const Storage old(change.address, change.before.word);
            remove("Contract", old.leaf.hash.view());
            remove("Contract", old.root.hash.view());
        }
        if (change.after.word != 0) {
            Storage now(change.address, change.after.word);
            put("Contract", now.leaf.hash.view(), std::move(now.leaf.bytes));
            put("Contract", now.root.hash.view(), std::move(now.root.bytes));
        }
    }

    std::vector<StateDiffEntry> take() { return std::move(list_); }

  private:
    std::vector<StateDiffEntry> list_;
};

bool is_there(const ModelAccount& account) {
    return account.has_code || account.nonce != 0 || account.balance_rau != 0;
}

}  // namespace

TrieNode leaf_node(const Address& contract, const Hash256& slot, const Hash256& value) {
    Bytes leaf;
    wire::Writer fields(leaf);
    fields.always_bytes(2, slot.view());
    fields.always_bytes(3, value.view());
    Bytes node;
    wire::Writer(node).always_bytes(3, leaf);
    return node_of(contract, std::move(node));
}

TrieNode root_node(const Address& contract, const Hash256& slot, const Hash256& leaf) {
    Bytes child;
    wire::Writer fields(child);
    fields.put_uint(1, slot.bytes[0]);
    fields.always_bytes(2, leaf.view());
    Bytes branch;
    wire::Writer(branch).always_bytes(1, child);
    Bytes node;
    wire::Writer(node).always_bytes(2, branch);
    return node_of(contract, std::move(node));
}

Bytes account_value(const Address& address, const ModelAccount& account) {
    static const Hash256 code_hash = keccak256(kContractCode);
    Bytes out;
    wire::Writer fields(out);
    fields.put_uint(1, account.nonce);
    fields.put_text(2, to_decimal(account.balance_rau));
    const Hash256 root = account.word == 0 ? Hash256{} : Storage(address, account.word).root.hash;
    fields.always_bytes(3, root.view());
    if (account.has_code) fields.always_bytes(4, code_hash.view());
    fields.put_uint(7, kZeroNonce);
    return out;
}

StateDiff make_diff(std::uint64_t height, std::span<const ChangedAccount> changes) {
    Entries entries;
    for (const ChangedAccount& change : changes) {
        entries.storage(change);
        if (change.after.has_code && !change.before.has_code)
            entries.put("Code", keccak256(kContractCode).view(), to_bytes(kContractCode));
        if (is_there(change.after)) {
            entries.put("Account", change.address.view(), account_value(change.address, change.after));
        } else {
            entries.remove("Account", change.address.view());
        }
    }
    Bytes height_bytes;
    for (int shift = 0; shift < 64; shift += 8)
        height_bytes.push_back(static_cast<std::uint8_t>(height >> shift));
    entries.put("Account", as_bytes("currentHeight"), std::move(height_bytes));

    StateDiff diff{height, entries.take(), {}};
    diff.digest = to_bytes(state_digest(diff.entries, DigestRules::current).view());
    return diff;
}

}  // namespace ioswarm::sim
