// SPDX-License-Identifier: Apache-2.0
#include "core/evm/opcodes.hpp"

namespace ioswarm::evm {
namespace {

/// The constant part of each opcode's gas price, as of Cancun (yellow paper, appendix H, and the EIPs since).
/// Where the price depends on the operands or the state, the rest is charged when the opcode is executed;
/// SLOAD, SSTORE and LOG0 to LOG4 are charged completely there, so they have 0 here.
using Table = std::array<OpInfo, 256>;

/// `pops` words must be on the stack. After the opcode, at most kStackLimit words may be on it.
constexpr void set(Table& table, unsigned op, unsigned gas, unsigned pops, unsigned pushes) {
    table[op] = {static_cast<std::uint16_t>(gas), static_cast<std::uint16_t>(pops),
                 static_cast<std::uint16_t>(kStackLimit + pops - pushes)};
}

constexpr void set(Table& table, Op op, unsigned gas, unsigned pops, unsigned pushes) {
    set(table, static_cast<unsigned>(op), gas, pops, pushes);
}

constexpr void set_arithmetic(Table& t) {
    for (const Op op : {Op::add, Op::sub, Op::lt, Op::gt, Op::slt, Op::sgt, Op::eq, Op::and_, Op::or_, Op::xor_,
                        Op::byte, Op::shl, Op::shr, Op::sar})
        set(t, op, 3, 2, 1);
    for (const Op op : {Op::mul, Op::div, Op::sdiv, Op::mod, Op::smod, Op::signextend})
        set(t, op, 5, 2, 1);
    set(t, Op::addmod, 8, 3, 1);
    set(t, Op::mulmod, 8, 3, 1);
    set(t, Op::exp, 10, 2, 1);
    set(t, Op::iszero, 3, 1, 1);
    set(t, Op::not_, 3, 1, 1);
    set(t, Op::keccak256, 30, 2, 1);
}

constexpr void set_environment(Table& t) {
    for (const Op op : {Op::address,     Op::origin,     Op::caller,         Op::callvalue, Op::calldatasize,
                        Op::codesize,    Op::gasprice,   Op::returndatasize, Op::coinbase,  Op::timestamp,
                        Op::number,      Op::prevrandao, Op::gaslimit,       Op::chainid,   Op::basefee,
                        Op::blobbasefee, Op::pc,         Op::msize,          Op::gas,       Op::push0})
        set(t, op, 2, 0, 1);
    for (const Op op : {Op::balance, Op::extcodesize, Op::extcodehash})
        set(t, op, 100, 1, 1);
    set(t, Op::selfbalance, 5, 0, 1);
    set(t, Op::calldataload, 3, 1, 1);
    set(t, Op::blobhash, 3, 1, 1);
    set(t, Op::blockhash, 20, 1, 1);
    for (const Op op : {Op::calldatacopy, Op::codecopy, Op::returndatacopy, Op::mcopy})
        set(t, op, 3, 3, 0);
    set(t, Op::extcodecopy, 100, 4, 0);
}

constexpr void set_memory_and_flow(Table& t) {
    set(t, Op::pop, 2, 1, 0);
    set(t, Op::mload, 3, 1, 1);
    set(t, Op::mstore, 3, 2, 0);
    set(t, Op::mstore8, 3, 2, 0);
    set(t, Op::sload, 0, 1, 1);
    set(t, Op::sstore, 0, 2, 0);
    set(t, Op::tload, 100, 1, 1);
    set(t, Op::tstore, 100, 2, 0);
    set(t, Op::jump, 8, 1, 0);
    set(t, Op::jumpi, 10, 2, 0);
    set(t, Op::jumpdest, 1, 0, 0);
    for (unsigned n = 1; n <= 32; ++n)
        set(t, 0x5f + n, 3, 0, 1);  // PUSHn
    for (unsigned n = 1; n <= 16; ++n) {
        set(t, 0x7f + n, 3, n, n + 1);      // DUPn
        set(t, 0x8f + n, 3, n + 1, n + 1);  // SWAPn
    }
    for (unsigned topics = 0; topics <= 4; ++topics)
        set(t, 0xa0 + topics, 0, topics + 2, 0);  // LOGn
}

constexpr void set_calls(Table& t) {
    set(t, Op::create, 32'000, 3, 1);
    set(t, Op::create2, 32'000, 4, 1);
    set(t, Op::call, 100, 7, 1);
    set(t, Op::callcode, 100, 7, 1);
    set(t, Op::delegatecall, 100, 6, 1);
    set(t, Op::staticcall, 100, 6, 1);
    set(t, Op::return_, 0, 2, 0);
    set(t, Op::revert, 0, 2, 0);
    set(t, Op::selfdestruct, 5'000, 1, 0);
}

constexpr Table make_table() {
    Table table{};
    set_arithmetic(table);
    set_environment(table);
    set_memory_and_flow(table);
    set_calls(table);
    return table;
}

}  // namespace

constexpr std::array<OpInfo, 256> kOpcodes = make_table();

}  // namespace ioswarm::evm
