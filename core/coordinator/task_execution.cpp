// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/task_execution.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/try.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/address.hpp"
#include "core/model/settings.hpp"

namespace ioswarm {
namespace {

using evm::Word;

/// Deployed agents use this chain id for every task.
constexpr std::uint64_t kAgentChainId = 4689;

Error unreadable(std::string which, std::string why) {
    return {ErrorCode::bad_data, "cannot execute the task", std::move(which), std::move(why), {}};
}

Result<Word> amount(const char* which, const std::string& decimal) {
    const auto value = u256_from_decimal(decimal);
    if (!value) return fail(unreadable(which, "not a decimal number of at most 256 bits"));
    return Word::from(*value);
}

/// Reads a number of at most 32 bytes in hexadecimal.
std::optional<Word> word_of(const std::string& hex) {
    const auto bytes = from_hex(hex);
    if (!bytes || bytes->size() > Hash256::kSize) return std::nullopt;
    return Word::from_big_endian(*bytes);
}

std::string hex_of(const Word& word) {
    return to_hex0x(word.to_hash().view());
}

bool comes_before(const ChangedSlot& a, const ChangedSlot& b) {
    if (a.address != b.address) return a.address < b.address;
    return a.key < b.key;
}

/// Reads the state changes of an answer and sorts them. Empty if they cannot be read or are far too many.
std::optional<std::vector<ChangedSlot>> read_changes(const std::vector<StateChange>& changes,
                                                     std::size_t most) {
    std::vector<ChangedSlot> out;
    if (changes.size() > most) return std::nullopt;
    for (const StateChange& change : changes) {
        const auto address = fixed_from_hex<Address>(change.address);
        const auto key = word_of(change.slot);
        const auto before = word_of(change.old_value);
        const auto after = word_of(change.new_value);
        if (!address || !key || !before || !after) return std::nullopt;
        if (*before != *after) out.push_back({*address, *key, *after});
    }
    std::sort(out.begin(), out.end(), comes_before);
    return out;
}

Result<TaskState> state_of(const TaskPackage& task) {
    TaskState out;
    for (const auto* account :
         {task.sender ? &*task.sender : nullptr, task.receiver ? &*task.receiver : nullptr}) {
        if (account == nullptr) continue;
        const auto address = fixed_from_hex<Address>(account->address);
        if (!address) return fail(unreadable("account", "its address is not 20 bytes in hex"));
        IOSWARM_TRY(auto record, record_of(*account));
        out.put(*address, std::move(record));
    }
    for (const auto& [hex, code] : task.contract_code) {
        const auto address = fixed_from_hex<Address>(hex);
        if (!address) return fail(unreadable("contract_code", "an address is not 20 bytes in hex"));
        out.put_code(*address, std::make_shared<const evm::Code>(code));
    }
    for (const auto& [hex, slots] : task.storage_slots) {
        const auto address = fixed_from_hex<Address>(hex);
        if (!address) return fail(unreadable("storage_slots", "an address is not 20 bytes in hex"));
        for (const auto& [key_hex, value_hex] : slots) {
            const auto key = word_of(key_hex);
            const auto value = word_of(value_hex);
            if (!key || !value) return fail(unreadable("storage_slots", "a slot is not 32 bytes in hex"));
            out.put(*address, *key, *value);
        }
    }
    return out;
}

TaskResult answer_from(evm::Outcome outcome) {
    TaskResult out;
    out.valid = outcome.failure.kind == evm::Failure::none;
    out.exec_error = failure_text(outcome.failure);
    out.reject_reason = out.exec_error;
    out.gas_used = outcome.gas_used;
    out.return_data = std::move(outcome.output);
    for (const evm::AccountChange& change : outcome.changes) {
        const std::string address = to_checksum_hex(change.address);
        for (const evm::SlotChange& slot : change.slots) {
            if (slot.before == slot.after) continue;
            out.state_changes.push_back({address, hex_of(slot.key), hex_of(slot.before), hex_of(slot.after)});
        }
    }
    for (evm::Log& log : outcome.logs) {
        LogEntry& entry = out.logs.emplace_back();
        entry.address = to_checksum_hex(log.address);
        for (const Word& topic : log.topics)
            entry.topics.push_back(hex_of(topic));
        entry.data = std::move(log.data);
    }
    return out;
}

}  // namespace

void TaskState::put_code(const Address& address, evm::CodePtr code) {
    evm::AccountRecord& record = accounts_[address];
    record.exists = true;
    record.code = std::move(code);
}

std::optional<evm::AccountRecord> TaskState::account(const Address& address) {
    const auto found = accounts_.find(address);
    return found == accounts_.end() ? evm::AccountRecord{} : found->second;
}

std::optional<evm::SlotRecord> TaskState::slot(const Address& address, const Word& key) {
    const auto of_account = slots_.find(address);
    if (of_account == slots_.end()) return evm::SlotRecord{};
    const auto found = of_account->second.find(key);
    if (found == of_account->second.end()) return evm::SlotRecord{};
    return evm::SlotRecord{found->second, !found->second.is_zero()};
}

std::optional<Hash256> TaskState::block_hash(std::uint64_t height) {
    return Word(height).to_hash();
}

Result<evm::AccountRecord> record_of(const AccountSnapshot& account) {
    IOSWARM_TRY(const auto balance, amount("account", account.balance));
    evm::AccountRecord out;
    out.exists = true;  // the agent treats every account that it was told of as existing
    out.balance = balance;
    out.nonce = account.nonce;
    return out;
}

Result<evm::Transaction> agent_transaction(const Address& sender, const EvmTx& tx) {
    evm::Transaction out;
    out.from = sender;
    if (!tx.to.empty()) {
        out.to = fixed_from_hex<Address>(tx.to);
        if (!out.to) return fail(unreadable("evm_tx.to", "not 20 bytes in hex"));
    }
    IOSWARM_TRY(const auto value, amount("evm_tx.value", tx.value));
    IOSWARM_TRY(const auto price, amount("evm_tx.gas_price", tx.gas_price));
    out.value = value;
    out.data = tx.data;
    out.gas_limit = tx.gas_limit;
    out.fee_cap = price;
    out.tip_cap = price;
    return out;
}

Result<evm::BlockContext> agent_block(const BlockContext& context) {
    evm::BlockContext out;
    out.chain_id = kAgentChainId;
    out.number = context.number;
    out.timestamp = context.timestamp;
    out.gas_limit = context.gas_limit;
    IOSWARM_TRY(const auto base_fee,
                amount("block_context.base_fee", context.base_fee.empty() ? "0" : context.base_fee));
    out.base_fee = base_fee;
    if (!context.coinbase.empty()) {
        const auto coinbase = fixed_from_hex<Address>(context.coinbase);
        if (!coinbase) return fail(unreadable("block_context.coinbase", "not 20 bytes in hex"));
        out.coinbase = *coinbase;
    }
    return out;
}

RunOutcome outcome_of(const evm::Outcome& outcome) {
    RunOutcome out;
    if (!outcome.known() || !outcome.minable()) return out;
    out.own = outcome.failure.kind == evm::Failure::none ? OwnRun::valid : OwnRun::invalid;
    out.gas_used = outcome.gas_used;
    for (const evm::AccountChange& change : outcome.changes) {
        for (const evm::SlotChange& slot : change.slots) {
            if (slot.before != slot.after) out.changes.push_back({change.address, slot.key, slot.after});
        }
    }
    std::sort(out.changes.begin(), out.changes.end(), comes_before);
    return out;
}

Result<TaskResult> execute_task(evm::Executor& executor, const TaskPackage& task,
                                std::optional<std::chrono::steady_clock::time_point> deadline) {
    if (!task.evm_tx) return fail(unreadable("evm_tx", "it is missing"));
    const auto sender = task.sender ? fixed_from_hex<Address>(task.sender->address) : std::nullopt;
    if (!sender) return fail(unreadable("sender", "it is missing or not 20 bytes in hex"));
    IOSWARM_TRY(auto state, state_of(task));
    IOSWARM_TRY(const auto transaction, agent_transaction(*sender, *task.evm_tx));
    // Without a context in the task, an agent assumes this one.
    IOSWARM_TRY(const auto block, agent_block(task.block_context.value_or(
                                      BlockContext{0, kAgentBlockGasLimit, "0", "", task.block_height})));
    return answer_from(executor.run(transaction, block, state, evm::agent_rules(), {.deadline = deadline}));
}

RunComparison compare_with_run(const RunOutcome& run, const TaskResult& result, bool receipt_counts_too) {
    RunComparison out;
    out.own = run.own;
    if (run.own == OwnRun::none) return out;
    out.receipt_counts_too = receipt_counts_too;
    const auto agreement = [](bool same) { return same ? Agreement::same : Agreement::differs; };
    // An agent that did not execute reports 0 gas.
    if (result.gas_used != 0) out.gas = agreement(result.gas_used == run.gas_used);
    // An answer may also list slots that were written and restored.
    const std::size_t most = 4 * run.changes.size() + 1'024;
    const auto changes = read_changes(result.state_changes, most);
    out.state = agreement(changes && *changes == run.changes);
    return out;
}

}  // namespace ioswarm
