// SPDX-License-Identifier: Apache-2.0
// The loop that executes opcodes. The values that every step needs (stack, gas, position in the code) are kept
// in local variables. They are written back to the frame before anything that needs the rest of the frame.
#include "core/evm/interpreter.hpp"

#include "core/evm/operation_table.hpp"

namespace ioswarm::evm {
namespace {

/// This much gas takes less than a millisecond, unless it pays for precompiled contracts. They look at the
/// clock themselves.
constexpr std::uint64_t kGasPerClock = 50'000;

/// The `Count` bytes of data after a PUSH, as a number.
template <unsigned Count>
inline Word pushed(const std::uint8_t* bytes) noexcept {
    if constexpr (Count <= 8) {
        std::uint64_t limb = 0;
        std::memcpy(&limb, bytes, sizeof limb);
        return __builtin_bswap64(limb) >> (64 - 8 * Count);
    } else if constexpr (Count == 32) {
        return Word::load(bytes);
    } else {
        return Word::load(bytes) >> (256 - 8 * std::uint64_t{Count});
    }
}

inline bool is_jump_target(const Frame& frame, const Word& target) noexcept {
    return target.fits_64_bits() && target.low() < frame.code_size &&
           (((*frame.jumps)[target.low() / 64] >> (target.low() % 64)) & 1) != 0;
}

inline bool in_memory(const Frame& frame, const Word& offset, std::uint64_t size) noexcept {
    return offset.fits_64_bits() && frame.memory.size() >= size && offset.low() <= frame.memory.size() - size;
}

/// Reads 32 bytes of call data, with zeros past its end.
inline Word call_data_word(BytesView data, const Word& offset) noexcept {
    if (!offset.fits_64_bits() || offset.low() >= data.size()) return 0;
    const BytesView rest = data.subspan(offset.low());
    if (rest.size() >= 32) return Word::load(rest.data());
    return Word::from_big_endian(rest) << (8 * (32 - rest.size()));
}

FailureDetail stack_failure(const OpInfo& info, std::size_t height) noexcept {
    if (height < info.needs) return {Failure::stack_underflow, height, info.needs, {}};
    return {Failure::stack_overflow, height, info.most, {}};
}

}  // namespace

void Interpreter::resume_clock(std::uint64_t gas) noexcept {
    clock_at_ = gas > until_clock_ ? gas - until_clock_ : 0;
    clock_beyond_ = gas > until_clock_ ? 0 : until_clock_ - gas;
}

void Interpreter::pause_clock(std::uint64_t gas) noexcept {
    until_clock_ = gas < clock_at_ ? 0 : gas - clock_at_ + clock_beyond_;
}

bool Interpreter::is_late(std::uint64_t gas) noexcept {
    until_clock_ = kGasPerClock;
    resume_clock(gas);
    return watch_.is_over();
}

bool Interpreter::is_late() noexcept {
    if (until_clock_ != 0) return false;
    until_clock_ = kGasPerClock;
    return watch_.is_over();
}

void Interpreter::consult_operand(Frame& frame, Op op, const Word* top) {
    const auto height = top - frame.stack;
    switch (op) {
        case Op::balance:
        case Op::extcodesize:
        case Op::extcodehash:
        case Op::extcodecopy:
        case Op::selfdestruct:
            if (height >= 1) state_.consult(state_.account(top[-1].to_address()));
            break;
        case Op::call:
        case Op::callcode:
        case Op::delegatecall:
        case Op::staticcall:
            if (height >= 2) state_.consult(state_.account(top[-2].to_address()));
            break;
        case Op::sload:
        case Op::sstore:
            if (height >= 1) state_.consult(*frame.self, state_.slot(*frame.self, top[-1]));
            break;
        default:
            break;
    }
}

// One case per opcode, so that its number is a constant at compile time.
#define IOSWARM_PUSH(n)           \
    case Op::push##n:             \
        *top++ = pushed<(n)>(pc); \
        pc += (n);                \
        break;
#define IOSWARM_DUP(n)      \
    case Op::dup##n:        \
        top[0] = top[-(n)]; \
        ++top;              \
        break;
#define IOSWARM_SWAP(n)                    \
    case Op::swap##n:                      \
        std::swap(top[-1], top[-1 - (n)]); \
        break;

// The short cases below stay on one line each.
// clang-format off
// NOLINTNEXTLINE(readability-function-size): one case per opcode
Exit Interpreter::execute(Frame& frame) {
    Word* top = frame.top;
    const std::uint8_t* pc = frame.pc;
    std::uint64_t gas = frame.gas;
    const auto save = [&] {
        frame.top = top;
        frame.pc = pc;
        frame.gas = gas;
    };
    const auto fail_with = [&](const FailureDetail& failure) {
        save();
        frame.failure = failure;
        return Exit::failure;
    };
    const auto reach = [&](const Word& offset, std::uint64_t size) {
        if (in_memory(frame, offset, size)) return true;
        save();
        if (!extend(frame, offset, size)) return false;
        gas = frame.gas;
        return true;
    };
    for (;;) {
        const std::uint8_t op = *pc++;
        const OpInfo info = kOpcodes[op];
        const auto height = static_cast<std::size_t>(top - frame.stack);
        if (height < info.needs || height > info.most) {
            consult_operand(frame, static_cast<Op>(op), top);
            return fail_with(stack_failure(info, height));
        }
        if (gas < info.gas) {
            consult_operand(frame, static_cast<Op>(op), top);
            return fail_with({Failure::out_of_gas, 0, 0, {}});
        }
        gas -= info.gas;
        switch (static_cast<Op>(op)) {
            case Op::stop:
                save();
                return Exit::success;
            case Op::add: top[-2] = top[-1] + top[-2]; --top; break;
            case Op::mul: top[-2] = top[-1] * top[-2]; --top; break;
            case Op::sub: top[-2] = top[-1] - top[-2]; --top; break;
            case Op::div: top[-2] = divide(top[-1], top[-2]).quotient; --top; break;
            case Op::sdiv: top[-2] = signed_divide(top[-1], top[-2]); --top; break;
            case Op::mod: top[-2] = divide(top[-1], top[-2]).remainder; --top; break;
            case Op::smod: top[-2] = signed_remainder(top[-1], top[-2]); --top; break;
            case Op::addmod: top[-3] = add_mod(top[-1], top[-2], top[-3]); top -= 2; break;
            case Op::mulmod: top[-3] = mul_mod(top[-1], top[-2], top[-3]); top -= 2; break;
            case Op::signextend: top[-2] = sign_extend(top[-1], top[-2]); --top; break;
            case Op::lt: top[-2] = top[-1] < top[-2] ? 1 : 0; --top; break;
            case Op::gt: top[-2] = top[-1] > top[-2] ? 1 : 0; --top; break;
            case Op::slt: top[-2] = signed_less(top[-1], top[-2]) ? 1 : 0; --top; break;
            case Op::sgt: top[-2] = signed_less(top[-2], top[-1]) ? 1 : 0; --top; break;
            case Op::eq: top[-2] = top[-1] == top[-2] ? 1 : 0; --top; break;
            case Op::iszero: top[-1] = top[-1].is_zero() ? 1 : 0; break;
            case Op::and_: top[-2] = top[-1] & top[-2]; --top; break;
            case Op::or_: top[-2] = top[-1] | top[-2]; --top; break;
            case Op::xor_: top[-2] = top[-1] ^ top[-2]; --top; break;
            case Op::not_: top[-1] = ~top[-1]; break;
            case Op::byte: top[-2] = byte_at(top[-1], top[-2]); --top; break;
            case Op::shl: top[-2] = shift_left(top[-1], top[-2]); --top; break;
            case Op::shr: top[-2] = shift_right(top[-1], top[-2]); --top; break;
            case Op::sar: top[-2] = shift_right_signed(top[-1], top[-2]); --top; break;
            case Op::calldataload: top[-1] = call_data_word(frame.input, top[-1]); break;
            case Op::pop: --top; break;
            case Op::mload:
                if (!reach(top[-1], 32)) return Exit::failure;
                top[-1] = Word::load(frame.memory.data() + top[-1].low());
                break;
            case Op::mstore:
                if (!reach(top[-1], 32)) return Exit::failure;
                top[-2].store(frame.memory.data() + top[-1].low());
                top -= 2;
                break;
            case Op::mstore8:
                if (!reach(top[-1], 1)) return Exit::failure;
                frame.memory[top[-1].low()] = static_cast<std::uint8_t>(top[-2].low());
                top -= 2;
                break;
            case Op::jump:
                if (!is_jump_target(frame, top[-1])) return fail_with({Failure::bad_jump, 0, 0, {}});
                if (gas <= clock_at_ && is_late(gas)) [[unlikely]] return fail_with({Failure::out_of_time, 0, 0, {}});
                pc = frame.code + top[-1].low();
                --top;
                break;
            case Op::jumpi:
                if (!top[-2].is_zero()) {
                    if (!is_jump_target(frame, top[-1])) return fail_with({Failure::bad_jump, 0, 0, {}});
                    if (gas <= clock_at_ && is_late(gas)) [[unlikely]] return fail_with({Failure::out_of_time, 0, 0, {}});
                    pc = frame.code + top[-1].low();
                }
                top -= 2;
                break;
            case Op::pc: *top++ = static_cast<std::uint64_t>(pc - frame.code - 1); break;
            case Op::msize: *top++ = frame.memory.size(); break;
            case Op::gas: *top++ = gas; break;
            case Op::jumpdest: break;
            case Op::push0: *top++ = 0; break;
            IOSWARM_PUSH(1) IOSWARM_PUSH(2) IOSWARM_PUSH(3) IOSWARM_PUSH(4) IOSWARM_PUSH(5) IOSWARM_PUSH(6)
            IOSWARM_PUSH(7) IOSWARM_PUSH(8) IOSWARM_PUSH(9) IOSWARM_PUSH(10) IOSWARM_PUSH(11) IOSWARM_PUSH(12)
            IOSWARM_PUSH(13) IOSWARM_PUSH(14) IOSWARM_PUSH(15) IOSWARM_PUSH(16) IOSWARM_PUSH(17)
            IOSWARM_PUSH(18) IOSWARM_PUSH(19) IOSWARM_PUSH(20) IOSWARM_PUSH(21) IOSWARM_PUSH(22)
            IOSWARM_PUSH(23) IOSWARM_PUSH(24) IOSWARM_PUSH(25) IOSWARM_PUSH(26) IOSWARM_PUSH(27)
            IOSWARM_PUSH(28) IOSWARM_PUSH(29) IOSWARM_PUSH(30) IOSWARM_PUSH(31) IOSWARM_PUSH(32) IOSWARM_DUP(1)
            IOSWARM_DUP(2) IOSWARM_DUP(3) IOSWARM_DUP(4) IOSWARM_DUP(5) IOSWARM_DUP(6) IOSWARM_DUP(7)
            IOSWARM_DUP(8) IOSWARM_DUP(9) IOSWARM_DUP(10) IOSWARM_DUP(11) IOSWARM_DUP(12) IOSWARM_DUP(13)
            IOSWARM_DUP(14) IOSWARM_DUP(15) IOSWARM_DUP(16) IOSWARM_SWAP(1) IOSWARM_SWAP(2) IOSWARM_SWAP(3)
            IOSWARM_SWAP(4) IOSWARM_SWAP(5) IOSWARM_SWAP(6) IOSWARM_SWAP(7) IOSWARM_SWAP(8) IOSWARM_SWAP(9)
            IOSWARM_SWAP(10) IOSWARM_SWAP(11) IOSWARM_SWAP(12) IOSWARM_SWAP(13) IOSWARM_SWAP(14)
            IOSWARM_SWAP(15) IOSWARM_SWAP(16)
            default: {
                const Operation operation = kOperations[op];
                if (operation == nullptr) return fail_with({Failure::invalid_opcode, op, 0, {}});
                save();
                const Exit exit = (this->*operation)(frame);
                if (exit != Exit::go_on) return exit;
                top = frame.top;
                gas = frame.gas;
                if (gas <= clock_at_ && is_late(gas)) [[unlikely]] return fail_with({Failure::out_of_time, 0, 0, {}});
            }
        }
    }
}
// clang-format on

}  // namespace ioswarm::evm
