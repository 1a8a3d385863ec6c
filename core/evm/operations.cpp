// SPDX-License-Identifier: Apache-2.0
// Opcodes for memory, accounts, block and transaction. The kind of failure depends on the order of the charges,
// so we follow the order of one step in go-ethereum's interpreter: compute the memory size, charge the dynamic
// gas, grow the memory, execute the operation.
#include <algorithm>

#include "core/crypto/keccak.hpp"
#include "core/evm/interpreter.hpp"

namespace ioswarm::evm {
namespace {

/// go-ethereum refuses more memory than this, because its price would not fit into 64 bits.
constexpr std::uint64_t kMaxMemory = 0x1FFFFFFFE0;
constexpr std::string_view kOverflowText = "gas uint64 overflow";

constexpr std::uint64_t kColdAccountExtra = 2'500;  // in addition to the 100 for a warm account
constexpr std::uint64_t kExpByte = 50;
constexpr std::uint64_t kKeccakWord = 6;
constexpr std::uint64_t kCopyWord = 3;
constexpr std::uint64_t kLog = 375;
constexpr std::uint64_t kLogTopic = 375;
constexpr std::uint64_t kLogByte = 8;

constexpr std::uint64_t words_of(std::uint64_t bytes) noexcept {
    return bytes / 32 + (bytes % 32 != 0 ? 1 : 0);
}

/// `data` from `offset` to its end.
BytesView from_offset(BytesView data, const Word& offset) noexcept {
    if (!offset.fits_64_bits() || offset.low() >= data.size()) return {};
    return data.subspan(offset.low());
}

Exit push(Frame& frame, const Word& word) noexcept {
    *frame.top++ = word;
    return Exit::go_on;
}

}  // namespace

bool Interpreter::charge(Frame& frame, std::uint64_t gas, std::string_view inner) const {
    if (frame.gas < gas) {
        frame.failure = {Failure::out_of_gas, 0, 0, inner};
        return false;
    }
    frame.gas -= gas;
    return true;
}

bool Interpreter::memory_end(Frame& frame, const Word& offset, const Word& size, std::uint64_t& end) const {
    end = 0;
    if (size.is_zero()) return true;
    // The largest end that can be rounded up to a whole word.
    constexpr std::uint64_t kLargest = ~std::uint64_t{0} - 31;
    if (size.fits_64_bits() && offset.fits_64_bits() && offset.low() <= kLargest &&
        size.low() <= kLargest - offset.low()) {
        end = offset.low() + size.low();
        return true;
    }
    frame.failure = {Failure::gas_overflow, 0, 0, {}};
    return false;
}

bool Interpreter::memory_cost(Frame& frame, std::uint64_t end, std::uint64_t& cost) const {
    cost = 0;
    if (end <= frame.memory.size()) return true;
    if (end > kMaxMemory) {
        frame.failure = {Failure::out_of_gas, 0, 0, kOverflowText};
        return false;
    }
    const std::uint64_t words = words_of(end);
    cost = 3 * words + words * words / 512 - frame.memory_paid;
    return true;
}

void Interpreter::grow_memory(Frame& frame, std::uint64_t end) const {
    if (end <= frame.memory.size()) return;
    const std::uint64_t words = words_of(end);
    frame.memory_paid = 3 * words + words * words / 512;
    frame.memory.resize(32 * words);
}

bool Interpreter::charge_memory(Frame& frame, std::uint64_t end, std::uint64_t gas) {
    std::uint64_t cost = 0;
    if (!memory_cost(frame, end, cost) || !charge(frame, cost + gas)) return false;
    grow_memory(frame, end);
    return true;
}

bool Interpreter::extend(Frame& frame, const Word& offset, std::uint64_t size) {
    std::uint64_t end = 0;
    return memory_end(frame, offset, size, end) && charge_memory(frame, end, 0);
}

bool Interpreter::write_allowed(Frame& frame) const {
    if (frame.is_static) frame.failure = {Failure::static_write, 0, 0, {}};
    return !frame.is_static;
}

Exit Interpreter::op_exp(Frame& frame) {
    const Word exponent = frame.top[-2];
    if (!charge(frame, kExpByte * ((exponent.bit_length() + 7) / 8))) return Exit::failure;
    frame.top[-2] = power(frame.top[-1], exponent);
    --frame.top;
    return Exit::go_on;
}

Exit Interpreter::op_keccak256(Frame& frame) {
    std::uint64_t end = 0;
    const Word& size = frame.top[-2];
    if (!memory_end(frame, frame.top[-1], size, end)) return Exit::failure;
    if (!charge_memory(frame, end, kKeccakWord * words_of(size.low()))) return Exit::failure;
    const BytesView range = frame.memory_range(frame.top[-1].low(), size.low());
    frame.top[-2] = Word::from(ioswarm::keccak256(range));
    --frame.top;
    return Exit::go_on;
}

Exit Interpreter::op_address(Frame& frame) {
    return push(frame, Word::from(frame.self->address));
}
Exit Interpreter::op_origin(Frame& frame) {
    return push(frame, Word::from(environment_.origin));
}
Exit Interpreter::op_caller(Frame& frame) {
    return push(frame, Word::from(frame.caller));
}
Exit Interpreter::op_callvalue(Frame& frame) {
    return push(frame, frame.value);
}
Exit Interpreter::op_calldatasize(Frame& frame) {
    return push(frame, frame.input.size());
}
Exit Interpreter::op_codesize(Frame& frame) {
    return push(frame, frame.code_size);
}
Exit Interpreter::op_gasprice(Frame& frame) {
    return push(frame, environment_.gas_price);
}
Exit Interpreter::op_returndatasize(Frame& frame) {
    return push(frame, frame.return_data.size());
}
Exit Interpreter::op_coinbase(Frame& frame) {
    return push(frame, Word::from(environment_.coinbase));
}
Exit Interpreter::op_timestamp(Frame& frame) {
    return push(frame, environment_.timestamp);
}
Exit Interpreter::op_number(Frame& frame) {
    return push(frame, environment_.number);
}
Exit Interpreter::op_prevrandao(Frame& frame) {
    return push(frame, 0);
}
Exit Interpreter::op_gaslimit(Frame& frame) {
    return push(frame, environment_.gas_limit);
}
Exit Interpreter::op_chainid(Frame& frame) {
    return push(frame, environment_.chain_id);
}
Exit Interpreter::op_selfbalance(Frame& frame) {
    return push(frame, frame.self->balance);
}
Exit Interpreter::op_basefee(Frame& frame) {
    return push(frame, environment_.base_fee);
}
Exit Interpreter::op_blobbasefee(Frame& frame) {
    return push(frame, environment_.blob_base_fee);
}

Exit Interpreter::op_blobhash(Frame& frame) {
    const auto& hashes = environment_.blob_hashes;
    const Word& index = frame.top[-1];
    frame.top[-1] =
        index.fits_64_bits() && index.low() < hashes.size() ? Word::from(hashes[index.low()]) : Word{0};
    return Exit::go_on;
}

Exit Interpreter::op_blockhash(Frame& frame) {
    constexpr std::uint64_t kBlocks = 256;
    const Word wanted = frame.top[-1];
    frame.top[-1] = 0;
    const std::uint64_t now = environment_.number;
    if (!wanted.fits_64_bits() || wanted.low() >= now || now - wanted.low() > kBlocks) return Exit::go_on;
    frame.top[-1] = rules_.block_hash_is_number ? wanted : state_.block_hash(wanted.low());
    return Exit::go_on;
}

Account* Interpreter::use_account(Frame& frame, const Word& address) {
    Account& account = state_.account(address.to_address());
    state_.consult(account);
    if (state_.warm(account) && !charge(frame, kColdAccountExtra)) return nullptr;
    return &account;
}

Exit Interpreter::op_balance(Frame& frame) {
    const Account* account = use_account(frame, frame.top[-1]);
    if (account == nullptr) return Exit::failure;
    frame.top[-1] = account->balance;
    return Exit::go_on;
}

Exit Interpreter::op_extcodesize(Frame& frame) {
    const Account* account = use_account(frame, frame.top[-1]);
    if (account == nullptr) return Exit::failure;
    frame.top[-1] = account->code ? account->code->size() : 0;
    return Exit::go_on;
}

Exit Interpreter::op_extcodehash(Frame& frame) {
    const Account* account = use_account(frame, frame.top[-1]);
    if (account == nullptr) return Exit::failure;
    frame.top[-1] = state_.code_hash(*account);
    return Exit::go_on;
}

/// Takes three words off the stack: offset in memory, offset in the source, size. The gas is already paid and
/// the memory has grown.
Exit Interpreter::copy_to_memory(Frame& frame, BytesView source) {
    const std::uint64_t size = frame.top[-3].low();
    if (size != 0) {
        const BytesView part = from_offset(source, frame.top[-2]);
        const std::size_t count = std::min<std::size_t>(part.size(), size);
        std::uint8_t* to = frame.memory.data() + frame.top[-1].low();
        std::copy_n(part.begin(), count, to);
        std::fill_n(to + count, size - count, std::uint8_t{0});
    }
    frame.top -= 3;
    return Exit::go_on;
}

Exit Interpreter::op_calldatacopy(Frame& frame) {
    std::uint64_t end = 0;
    if (!memory_end(frame, frame.top[-1], frame.top[-3], end)) return Exit::failure;
    if (!charge_memory(frame, end, kCopyWord * words_of(frame.top[-3].low()))) return Exit::failure;
    return copy_to_memory(frame, frame.input);
}

Exit Interpreter::op_codecopy(Frame& frame) {
    std::uint64_t end = 0;
    if (!memory_end(frame, frame.top[-1], frame.top[-3], end)) return Exit::failure;
    if (!charge_memory(frame, end, kCopyWord * words_of(frame.top[-3].low()))) return Exit::failure;
    return copy_to_memory(frame, BytesView(frame.code, frame.code_size));
}

Exit Interpreter::op_returndatacopy(Frame& frame) {
    std::uint64_t end = 0;
    const Word& size = frame.top[-3];
    if (!memory_end(frame, frame.top[-1], size, end)) return Exit::failure;
    if (!charge_memory(frame, end, kCopyWord * words_of(size.low()))) return Exit::failure;
    const Word& offset = frame.top[-2];
    const std::size_t there = frame.return_data.size();
    if (!offset.fits_64_bits() || offset.low() > there || size.low() > there - offset.low()) {
        frame.failure = {Failure::return_data_bounds, 0, 0, {}};
        return Exit::failure;
    }
    return copy_to_memory(frame, frame.return_data);
}

Exit Interpreter::op_extcodecopy(Frame& frame) {
    Account& account = state_.account(frame.top[-1].to_address());
    state_.consult(account);
    --frame.top;
    std::uint64_t end = 0;
    if (!memory_end(frame, frame.top[-1], frame.top[-3], end)) return Exit::failure;
    std::uint64_t cost = 0;
    if (!memory_cost(frame, end, cost)) return Exit::failure;
    cost += kCopyWord * words_of(frame.top[-3].low()) + (state_.warm(account) ? kColdAccountExtra : 0);
    if (!charge(frame, cost)) return Exit::failure;
    grow_memory(frame, end);
    return copy_to_memory(frame, account.code ? account.code->bytes() : BytesView{});
}

Exit Interpreter::op_mcopy(Frame& frame) {
    const Word& to = frame.top[-1];
    const Word& from = frame.top[-2];
    const Word& size = frame.top[-3];
    std::uint64_t end = 0;
    if (!memory_end(frame, to > from ? to : from, size, end)) return Exit::failure;
    if (!charge_memory(frame, end, kCopyWord * words_of(size.low()))) return Exit::failure;
    if (!size.is_zero()) {
        std::memmove(frame.memory.data() + to.low(), frame.memory.data() + from.low(), size.low());
    }
    frame.top -= 3;
    return Exit::go_on;
}

Exit Interpreter::op_log(Frame& frame) {
    const std::size_t topics = frame.pc[-1] - static_cast<unsigned>(Op::log0);
    const Word& size = frame.top[-2];
    std::uint64_t end = 0;
    if (!memory_end(frame, frame.top[-1], size, end)) return Exit::failure;
    const std::uint64_t data_gas = end == 0 ? 0 : kLogByte * std::min(size.low(), kMaxMemory);
    if (!charge_memory(frame, end, kLog + kLogTopic * topics + data_gas)) return Exit::failure;
    if (!write_allowed(frame)) return Exit::failure;
    Log log{frame.self->address, {}, to_bytes(frame.memory_range(frame.top[-1].low(), size.low()))};
    for (std::size_t i = 0; i < topics; ++i)
        log.topics.push_back(frame.top[-3 - static_cast<std::ptrdiff_t>(i)]);
    frame.top -= 2 + topics;
    if (rules_.reserved_topic && topics != 0 && log.topics.front().is_zero()) {
        // The node marks value transfers with this topic. It drops such a log if it has three topics, and
        // panics if it has another number of topics.
        if (topics == 3) return Exit::go_on;
        frame.failure = {Failure::undefined, 0, 0, {}};
        return Exit::failure;
    }
    state_.add_log(std::move(log));
    return Exit::go_on;
}

bool Interpreter::set_output(Frame& frame) {
    std::uint64_t end = 0;
    if (!memory_end(frame, frame.top[-1], frame.top[-2], end) || !charge_memory(frame, end, 0)) return false;
    frame.output_offset = frame.top[-1].low();
    frame.output_size = frame.top[-2].low();
    return true;
}

Exit Interpreter::op_return(Frame& frame) {
    return set_output(frame) ? Exit::success : Exit::failure;
}

Exit Interpreter::op_revert(Frame& frame) {
    if (set_output(frame)) frame.failure = {Failure::reverted, 0, 0, {}};
    return Exit::failure;
}

}  // namespace ioswarm::evm
