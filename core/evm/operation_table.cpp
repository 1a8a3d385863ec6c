// SPDX-License-Identifier: Apache-2.0
#include "core/evm/operation_table.hpp"

#include "core/evm/opcodes.hpp"

namespace ioswarm::evm {

struct OperationTable {
    std::array<Interpreter::Operation, 256> by_opcode{};

    constexpr void set(Op op, Interpreter::Operation operation) {
        by_opcode[static_cast<std::size_t>(op)] = operation;
    }

    constexpr OperationTable() {
        using I = Interpreter;
        set(Op::exp, &I::op_exp);
        set(Op::keccak256, &I::op_keccak256);
        set(Op::address, &I::op_address);
        set(Op::balance, &I::op_balance);
        set(Op::origin, &I::op_origin);
        set(Op::caller, &I::op_caller);
        set(Op::callvalue, &I::op_callvalue);
        set(Op::calldatasize, &I::op_calldatasize);
        set(Op::calldatacopy, &I::op_calldatacopy);
        set(Op::codesize, &I::op_codesize);
        set(Op::codecopy, &I::op_codecopy);
        set(Op::gasprice, &I::op_gasprice);
        set(Op::extcodesize, &I::op_extcodesize);
        set(Op::extcodecopy, &I::op_extcodecopy);
        set(Op::returndatasize, &I::op_returndatasize);
        set(Op::returndatacopy, &I::op_returndatacopy);
        set(Op::extcodehash, &I::op_extcodehash);
        set(Op::blockhash, &I::op_blockhash);
        set(Op::coinbase, &I::op_coinbase);
        set(Op::timestamp, &I::op_timestamp);
        set(Op::number, &I::op_number);
        set(Op::prevrandao, &I::op_prevrandao);
        set(Op::gaslimit, &I::op_gaslimit);
        set(Op::chainid, &I::op_chainid);
        set(Op::selfbalance, &I::op_selfbalance);
        set(Op::basefee, &I::op_basefee);
        set(Op::blobhash, &I::op_blobhash);
        set(Op::blobbasefee, &I::op_blobbasefee);
        set(Op::sload, &I::op_sload);
        set(Op::sstore, &I::op_sstore);
        set(Op::tload, &I::op_tload);
        set(Op::tstore, &I::op_tstore);
        set(Op::mcopy, &I::op_mcopy);
        for (std::size_t op = 0xa0; op <= 0xa4; ++op)
            by_opcode[op] = &I::op_log;
        set(Op::create, &I::op_create);
        set(Op::call, &I::op_call);
        set(Op::callcode, &I::op_callcode);
        set(Op::return_, &I::op_return);
        set(Op::delegatecall, &I::op_delegatecall);
        set(Op::create2, &I::op_create2);
        set(Op::staticcall, &I::op_staticcall);
        set(Op::revert, &I::op_revert);
        set(Op::selfdestruct, &I::op_selfdestruct);
    }
};

constexpr std::array<Interpreter::Operation, 256> kOperations = OperationTable().by_opcode;

}  // namespace ioswarm::evm
