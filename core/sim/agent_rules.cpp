// SPDX-License-Identifier: Apache-2.0
#include "core/sim/agent_rules.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/base/u512.hpp"
#include "core/coordinator/task_execution.hpp"
#include "core/crypto/keccak.hpp"

namespace ioswarm::sim {
namespace {

// The estimates of deployed agents: the intrinsic gas of a plain transfer (Ethereum yellow paper,
// G_transaction), and a round figure for calls.
constexpr std::uint64_t kTransferEstimate = 21'000;
constexpr std::uint64_t kCallEstimate = 100'000;

TaskResult rejected(std::string reason) {
    TaskResult result;
    result.reject_reason = std::move(reason);
    return result;
}

TaskResult accepted(const TaskPackage& task) {
    TaskResult result;
    result.valid = true;
    result.gas_estimate =
        task.receiver && !task.receiver->code_hash.empty() ? kCallEstimate : kTransferEstimate;
    return result;
}

/// The order of the secp256k1 group (SEC 2, section 2.4.1).
constexpr U256 kGroupOrder(limb_math::Limbs{0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe,
                                            0xffffffffffffffff});

bool is_scalar(BytesView bytes) {
    const auto value = u256_from_big_endian(bytes);
    return value && *value != 0 && *value < kGroupOrder;
}

/// Returns what is wrong; empty if nothing is.
std::string account_fault(const AccountSnapshot& sender, std::uint64_t nonce) {
    const auto balance = u256_from_decimal(sender.balance);
    if (!balance) return "the sender's balance is not a number";
    if (*balance == 0) return "the sender's balance is 0";
    if (nonce < sender.nonce) return fmt::format("nonce {} is below the account's {}", nonce, sender.nonce);
    return {};
}

std::string cost_fault(const AccountSnapshot& sender, const EvmTx& tx) {
    const auto balance = u256_from_decimal(sender.balance);
    const auto value = u256_from_decimal(tx.value);
    const auto price = u256_from_decimal(tx.gas_price);
    if (!balance || !value || !price) return "an amount is not a number";
    const U512 cost = to_u512(*value) + to_u512(*price) * tx.gas_limit;
    if (cost > to_u512(*balance)) return fmt::format("costs {} and has {}", cost.str(), to_decimal(*balance));
    return {};
}

TaskResult answer_honestly(TaskLevel level, const ChainIds& ids, const TaskPackage& task) {
    const auto action = read_action(task.tx_raw, ids);
    if (!action) return rejected(action.error().text());
    TaskResult result = accepted(task);
    const auto signer = signer_of(task.tx_raw, ids);
    if (signer) {
        if (*signer != action->sender) return rejected("signed by another key than the sender's");
    } else if (signer.error().code == ErrorCode::failed_precondition) {
        result.note = "signature not checked: " + signer.error().why;
    } else {
        return rejected(signer.error().text());
    }
    if (task.sender && fixed_from_hex<Address>(task.sender->address) != action->sender) {
        return rejected("the task names another sender");
    }
    if (level == TaskLevel::l1_sig_verify) return result;
    if (!task.sender) return rejected("the task has no sender account");
    if (auto fault = account_fault(*task.sender, action->nonce); !fault.empty())
        return rejected(std::move(fault));
    if (action->evm_tx) {
        if (auto fault = cost_fault(*task.sender, *action->evm_tx); !fault.empty())
            return rejected(std::move(fault));
    }
    if (level != TaskLevel::l3_full_execute || !task.evm_tx) return result;
    // One executor per thread: it reuses its memory between runs.
    static thread_local evm::Executor executor;
    auto executed = execute_task(executor, task);
    if (!executed) return rejected(executed.error().text());
    executed->gas_estimate = executed->gas_used;
    return *std::move(executed);
}

TaskResult answer_as_in_the_field(TaskLevel level, const TaskPackage& task) {
    constexpr std::size_t kSignatureSize = 65;
    const BytesView raw = task.tx_raw;
    if (raw.size() < kSignatureSize) return rejected("too short for a signature");
    const BytesView signature = raw.last(kSignatureSize);
    if (!is_scalar(signature.first(32))) return rejected("signature r is out of range");
    if (!is_scalar(signature.subspan(32, 32))) return rejected("signature s is out of range");
    if (level == TaskLevel::l1_sig_verify) {
        TaskResult result;
        result.valid = true;
        result.gas_estimate = kTransferEstimate;
        return result;
    }
    if (!task.sender) return rejected("no sender account");
    std::uint64_t nonce = 0;
    for (const std::uint8_t byte : raw.first(8))
        nonce = nonce << 8 | byte;
    if (auto fault = account_fault(*task.sender, nonce); !fault.empty()) return rejected(std::move(fault));
    return accepted(task);
}

}  // namespace

AnswerTask honest_rules(TaskLevel level, ChainIds ids) {
    return [level, ids](const TaskPackage& task) { return answer_honestly(level, ids, task); };
}

AnswerTask deployed_rules(TaskLevel level) {
    return [level](const TaskPackage& task) { return answer_as_in_the_field(level, task); };
}

bool is_answered_wrongly(const WrongShare& share, BytesView tx_raw) {
    Bytes input;
    input.reserve(sizeof share.seed + tx_raw.size());
    for (int shift = 56; shift >= 0; shift -= 8)
        input.push_back(static_cast<std::uint8_t>(share.seed >> shift));
    input.insert(input.end(), tx_raw.begin(), tx_raw.end());
    const Hash256 hash = keccak256(input);
    std::uint64_t draw = 0;
    for (std::size_t i = 0; i < sizeof draw; ++i)
        draw = draw << 8 | hash.bytes[i];
    return draw % 1000 < share.permille;
}

AnswerTask with_wrong_share(WrongShare share, AnswerTask rules) {
    if (share.permille == 0) return rules;
    return [share, rules = std::move(rules)](const TaskPackage& task) {
        TaskResult result = rules(task);
        if (!is_answered_wrongly(share, task.tx_raw)) return result;
        result.valid = !result.valid;
        result.reject_reason = result.valid ? "" : "wrong on purpose";
        return result;
    };
}

AnswerTask with_wrong_execution(WrongShare gas, WrongShare state, AnswerTask rules) {
    if (gas.permille == 0 && state.permille == 0) return rules;
    return [gas, state, rules = std::move(rules)](const TaskPackage& task) {
        TaskResult result = rules(task);
        if (!task.evm_tx) return result;
        if (result.gas_used != 0 && is_answered_wrongly(gas, task.tx_raw)) ++result.gas_used;
        if (is_answered_wrongly(state, task.tx_raw)) {
            const std::string word(64, '1');
            result.state_changes.push_back(
                {task.sender ? task.sender->address : std::string(), "0x" + word, "0x" + word, "0x00"});
        }
        return result;
    };
}

}  // namespace ioswarm::sim
