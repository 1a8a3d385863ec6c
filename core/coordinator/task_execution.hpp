// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/transaction.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/model/messages.hpp"

// How a deployed agent executes a task, and how its answer compares with our own run of the same task.

namespace ioswarm {

/// The state that an agent has for a task. It holds the sender and the receiver as the task carries them, and
/// every address of contract_code, with balance 0 and nonce 0 unless it is the sender or receiver. No other
/// account exists, and a slot that the task does not carry is 0. Used by one thread.
class TaskState final : public evm::StateSource {
  public:
    void put(const Address& address, evm::AccountRecord record) { accounts_[address] = std::move(record); }
    void put_code(const Address& address, evm::CodePtr code);
    void put(const Address& address, const evm::Word& key, const evm::Word& value) {
        slots_[address][key] = value;
    }

    [[nodiscard]] std::optional<evm::AccountRecord> account(const Address& address) override;
    [[nodiscard]] std::optional<evm::SlotRecord> slot(const Address& address, const evm::Word& key) override;
    /// Never asked, because the agent uses the block number itself as the hash.
    [[nodiscard]] std::optional<Hash256> block_hash(std::uint64_t height) override;

  private:
    std::unordered_map<Address, evm::AccountRecord, FixedBytesHash> accounts_;
    std::unordered_map<Address, std::unordered_map<evm::Word, evm::Word, evm::WordHash>, FixedBytesHash> slots_;
};

/// The account of a snapshot, without its code. Error bad_data: the balance is not a number.
[[nodiscard]] Result<evm::AccountRecord> record_of(const AccountSnapshot& account);
/// The transaction that the agent runs. Error bad_data: an amount is not a number, or `to` is not an address.
[[nodiscard]] Result<evm::Transaction> agent_transaction(const Address& sender, const EvmTx& tx);
/// The block as the agent sees it. Its chain id is always that of IoTeX's mainnet. Error bad_data: the base fee
/// is not a number, or the coinbase is not an address.
[[nodiscard]] Result<evm::BlockContext> agent_block(const BlockContext& context);

/// A storage slot whose value a run changed.
struct ChangedSlot {
    Address address;
    evm::Word key = 0;
    evm::Word value = 0;
    bool operator==(const ChangedSlot&) const = default;
};

/// The part of a run, by the agent's rules, that is compared with answers.
struct RunOutcome {
    OwnRun own = OwnRun::none;  ///< none: the result is undefined, could not be simulated, or took too long
    std::uint64_t gas_used = 0;
    std::vector<ChangedSlot> changes;  ///< ordered by address, then key
};
[[nodiscard]] RunOutcome outcome_of(const evm::Outcome& outcome);

/// Runs the task's evm_tx on the task's own data and answers as a deployed agent at L3 does. Sets only valid,
/// reject_reason, gas_used, return_data, state_changes, logs and exec_error. Error bad_data: the task has no
/// evm_tx or no sender, or something in it cannot be read.
[[nodiscard]] Result<TaskResult> execute_task(
    evm::Executor& executor, const TaskPackage& task,
    std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt);

/// Compares an answer with our own run. `receipt_counts_too` is true if the agent ran the task on its own
/// state.
[[nodiscard]] RunComparison compare_with_run(const RunOutcome& run, const TaskResult& result,
                                             bool receipt_counts_too);

}  // namespace ioswarm
