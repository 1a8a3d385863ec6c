// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "core/evm/transaction.hpp"

/// Reads the vectors of test/data/evm (the file ORIGIN there explains their fields).
namespace ioswarm::test {

using nlohmann::json;

[[nodiscard]] json read_vectors(const std::string& name);

[[nodiscard]] evm::Word word_of(const json& hex);
[[nodiscard]] Address address_of_text(const std::string& hex);
[[nodiscard]] Bytes bytes_of(const json& object, const char* field);
/// Writes numbers as the vectors do: hexadecimal without leading zeros.
[[nodiscard]] std::string short_hex(const evm::Word& word);
[[nodiscard]] std::string short_hex(const Address& address);
/// Empty data is left out.
void put_bytes(json& object, const char* field, BytesView bytes);

/// A complete state in memory. It has an answer for everything.
class HeldState final : public evm::StateSource {
  public:
    struct Entry {
        evm::AccountRecord record;
        std::map<std::string, evm::SlotRecord> slots;
    };

    HeldState() = default;
    /// Reads the state "pre" of a vector.
    explicit HeldState(const json& pre);

    [[nodiscard]] std::optional<evm::AccountRecord> account(const Address& address) override;
    [[nodiscard]] std::optional<evm::SlotRecord> slot(const Address& address, const evm::Word& key) override;
    [[nodiscard]] std::optional<Hash256> block_hash(std::uint64_t height) override;

    std::map<Address, Entry> accounts;
};

/// Applies the changes of a run to the state.
void apply_outcome(HeldState& state, const evm::Outcome& outcome);

/// The part of a state that a task for the agent would carry.
[[nodiscard]] HeldState task_of(const HeldState& state, const evm::Transaction& transaction);

[[nodiscard]] evm::BlockContext vector_block();
[[nodiscard]] evm::Transaction vector_transaction(const json& tx);

/// The outcome in the form of a vector's result, for comparison.
[[nodiscard]] json chain_result(const evm::Outcome& outcome);
[[nodiscard]] json agent_result(const evm::Outcome& outcome);
/// A vector's result with its sets sorted.
[[nodiscard]] json in_order(json result);

}  // namespace ioswarm::test
