// SPDX-License-Identifier: Apache-2.0
// Opcodes that read or change state, and the price of calls.
#include <algorithm>

#include "core/evm/interpreter.hpp"

namespace ioswarm::evm {
namespace {

constexpr std::uint64_t kWarm = 100;
constexpr std::uint64_t kColdAccount = 2'600;
constexpr std::uint64_t kColdSlot = 2'100;
constexpr std::uint64_t kSstoreSentry = 2'300;  // an SSTORE with no more gas than this fails, EIP-2200
constexpr std::uint64_t kSet = 20'000;
constexpr std::uint64_t kReset = 2'900;
constexpr std::uint64_t kClearRefund = 4'800;  // refund for clearing a slot, EIP-3529
constexpr std::uint64_t kCallValue = 9'000;
constexpr std::uint64_t kNewAccount = 25'000;
constexpr std::uint64_t kStipend = 2'300;
constexpr std::uint64_t kMaxInitCode = 49'152;  // EIP-3860
constexpr std::uint64_t kInitCodeWord = 2;
constexpr std::uint64_t kHashWord = 6;

constexpr std::uint64_t words_up(std::uint64_t bytes) noexcept {
    return bytes / 32 + (bytes % 32 != 0 ? 1 : 0);
}

}  // namespace

Exit Interpreter::op_sload(Frame& frame) {
    Slot& slot = state_.slot(*frame.self, frame.top[-1]);
    state_.consult(*frame.self, slot);
    if (!charge(frame, state_.warm(*frame.self, slot) ? kColdSlot : kWarm)) return Exit::failure;
    frame.top[-1] = state_.read(*frame.self, slot);
    return Exit::go_on;
}

/// Charges for an SSTORE by EIP-2200, with the prices of EIP-2929 and EIP-3529. Returns false when the frame
/// failed.
bool Interpreter::charge_sstore(Frame& frame, Slot& slot, const Word& value) {
    const Word current = state_.read(*frame.self, slot);
    const std::uint64_t cold = state_.warm(*frame.self, slot) ? kColdSlot : 0;
    if (current == value) return charge(frame, cold + kWarm);
    const Word original = state_.original(slot);
    if (original == current) {
        if (original.is_zero()) return charge(frame, cold + kSet);
        if (value.is_zero()) state_.add_refund(kClearRefund);
        return charge(frame, cold + kReset);
    }
    bool defined = true;
    if (!original.is_zero()) {
        if (current.is_zero()) {
            defined = state_.subtract_refund(kClearRefund);
        } else if (value.is_zero()) {
            state_.add_refund(kClearRefund);
        }
    }
    if (value == original) state_.add_refund((original.is_zero() ? kSet : kReset) - kWarm);
    if (!defined) {
        frame.failure = {Failure::undefined, 0, 0, {}};
        return false;
    }
    return charge(frame, cold + kWarm);
}

Exit Interpreter::op_sstore(Frame& frame) {
    Slot& slot = state_.slot(*frame.self, frame.top[-1]);
    state_.consult(*frame.self, slot);
    if (frame.gas <= kSstoreSentry) {
        frame.failure = {Failure::out_of_gas, 0, 0, "not enough gas for reentrancy sentry"};
        return Exit::failure;
    }
    const Word value = frame.top[-2];
    if (!charge_sstore(frame, slot, value)) return Exit::failure;
    if (!write_allowed(frame)) return Exit::failure;
    state_.write(*frame.self, slot, value);
    frame.top -= 2;
    return Exit::go_on;
}

Exit Interpreter::op_tload(Frame& frame) {
    frame.top[-1] = state_.transient(*frame.self, frame.top[-1]);
    return Exit::go_on;
}

Exit Interpreter::op_tstore(Frame& frame) {
    if (!write_allowed(frame)) return Exit::failure;
    state_.set_transient(*frame.self, frame.top[-1], frame.top[-2]);
    frame.top -= 2;
    return Exit::go_on;
}

Exit Interpreter::op_selfdestruct(Frame& frame) {
    Account& beneficiary = state_.account(frame.top[-1].to_address());
    state_.consult(beneficiary);
    std::uint64_t cost = state_.warm(beneficiary) ? kColdAccount : 0;
    if (state_.is_empty(beneficiary) && !frame.self->balance.is_zero()) cost += kNewAccount;
    if (!charge(frame, cost)) return Exit::failure;
    if (!write_allowed(frame)) return Exit::failure;
    state_.destroy(*frame.self, beneficiary);
    --frame.top;
    return Exit::success;
}

/// Warms the target and, where delegations are followed, the account that it delegates to. Returns false when
/// the frame failed.
bool Interpreter::charge_target(Frame& frame, Account& target) {
    constexpr std::string_view kInner = "out of gas";
    if (state_.warm(target) && !charge(frame, kColdAccount - kWarm, kInner)) return false;
    if (!rules_.set_code || !target.code || !target.code->delegate()) return true;
    Account& named = state_.account(*target.code->delegate());
    return charge(frame, state_.warm(named) ? kColdAccount : kWarm, kInner);
}

Exit Interpreter::call_family(Frame& frame, CallKind kind) {
    const bool with_value = kind == CallKind::call || kind == CallKind::callcode;
    const std::ptrdiff_t skip = with_value ? 1 : 0;
    Word* const top = frame.top;
    const Word value = with_value ? top[-3] : Word{0};
    Account& target = state_.account(top[-2].to_address());
    state_.consult(target);
    std::uint64_t input_end = 0;
    std::uint64_t output_end = 0;
    if (!memory_end(frame, top[-5 - skip], top[-6 - skip], output_end) ||
        !memory_end(frame, top[-3 - skip], top[-4 - skip], input_end)) {
        return Exit::failure;
    }
    if (!charge_target(frame, target)) return Exit::failure;
    const std::uint64_t end = std::max(input_end, output_end);
    std::uint64_t cost = 0;
    if (!memory_cost(frame, end, cost)) return Exit::failure;
    if (!value.is_zero()) {
        cost += kCallValue;
        if (kind == CallKind::call && state_.is_empty(target)) cost += kNewAccount;
    }
    if (!charge(frame, cost)) return Exit::failure;
    const std::uint64_t most = frame.gas - frame.gas / 64;
    const std::uint64_t given = top[-1].fits_64_bits() ? std::min(top[-1].low(), most) : most;
    frame.gas -= given;
    grow_memory(frame, end);
    if (kind == CallKind::call && !value.is_zero() && !write_allowed(frame)) return Exit::failure;
    frame.request = {kind,
                     &target,
                     value,
                     given + (value.is_zero() ? 0 : kStipend),
                     top[-3 - skip].low(),
                     top[-4 - skip].low(),
                     top[-5 - skip].low(),
                     top[-6 - skip].low(),
                     std::nullopt};
    frame.top -= 6 + skip;
    return Exit::call;
}

Exit Interpreter::op_call(Frame& frame) {
    return call_family(frame, CallKind::call);
}
Exit Interpreter::op_callcode(Frame& frame) {
    return call_family(frame, CallKind::callcode);
}
Exit Interpreter::op_delegatecall(Frame& frame) {
    return call_family(frame, CallKind::delegatecall);
}
Exit Interpreter::op_staticcall(Frame& frame) {
    return call_family(frame, CallKind::staticcall);
}

Exit Interpreter::create_family(Frame& frame, bool salted) {
    Word* const top = frame.top;
    const Word& offset = top[-2];
    const Word& size = top[-3];
    std::uint64_t end = 0;
    if (!memory_end(frame, offset, size, end)) return Exit::failure;
    std::uint64_t cost = 0;
    if (!memory_cost(frame, end, cost)) return Exit::failure;
    if (size.low() > kMaxInitCode) {
        frame.failure = {Failure::out_of_gas, 0, size.low(), "max initcode size exceeded"};
        return Exit::failure;
    }
    cost += (kInitCodeWord + (salted ? kHashWord : 0)) * words_up(size.low());
    if (!charge(frame, cost)) return Exit::failure;
    grow_memory(frame, end);
    if (!write_allowed(frame)) return Exit::failure;
    const std::uint64_t given = frame.gas - frame.gas / 64;
    frame.gas -= given;
    frame.request = {CallKind::create,
                     nullptr,
                     top[-1],
                     given,
                     offset.low(),
                     size.low(),
                     0,
                     0,
                     salted ? std::optional<Word>(top[-4]) : std::nullopt};
    frame.top -= salted ? 4 : 3;
    return Exit::create;
}

Exit Interpreter::op_create(Frame& frame) {
    return create_family(frame, false);
}
Exit Interpreter::op_create2(Frame& frame) {
    return create_family(frame, true);
}

}  // namespace ioswarm::evm
