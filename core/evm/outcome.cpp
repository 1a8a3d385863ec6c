// SPDX-License-Identifier: Apache-2.0
#include "core/evm/outcome.hpp"

#include <fmt/format.h>

namespace ioswarm::evm {
namespace {

/// Opcodes of the EVM object format. go-ethereum prints their names, although no rule set here has them.
std::string_view name_of_undefined(std::uint64_t opcode) noexcept {
    switch (opcode) {
        case 0xd0:
            return "DATALOAD";
        case 0xd1:
            return "DATALOADN";
        case 0xd2:
            return "DATASIZE";
        case 0xd3:
            return "DATACOPY";
        case 0xe0:
            return "RJUMP";
        case 0xe1:
            return "RJUMPI";
        case 0xe2:
            return "RJUMPV";
        case 0xe3:
            return "CALLF";
        case 0xe4:
            return "RETF";
        case 0xe5:
            return "JUMPF";
        case 0xe6:
            return "DUPN";
        case 0xe7:
            return "SWAPN";
        case 0xe8:
            return "EXCHANGE";
        case 0xec:
            return "EOFCREATE";
        case 0xee:
            return "RETURNCONTRACT";
        case 0xf7:
            return "RETURNDATALOAD";
        case 0xf8:
            return "EXTCALL";
        case 0xf9:
            return "EXTDELEGATECALL";
        case 0xfb:
            return "EXTSTATICCALL";
        case 0xfe:
            return "INVALID";
        default:
            return {};
    }
}

std::string opcode_text(std::uint64_t opcode) {
    const std::string_view name = name_of_undefined(opcode);
    return name.empty() ? fmt::format("invalid opcode: opcode {:#x} not defined", opcode)
                        : fmt::format("invalid opcode: {}", name);
}

std::string_view plain_text(Failure failure) noexcept {
    switch (failure) {
        case Failure::reverted:
            return "execution reverted";
        case Failure::out_of_gas:
            return "out of gas";
        case Failure::gas_overflow:
            return "gas uint64 overflow";
        case Failure::bad_jump:
            return "invalid jump destination";
        case Failure::return_data_bounds:
            return "return data out of bounds";
        case Failure::static_write:
            return "write protection";
        case Failure::depth:
            return "max call depth exceeded";
        case Failure::balance:
            return "insufficient balance for transfer";
        case Failure::nonce_overflow:
            return "nonce uint64 overflow";
        case Failure::address_taken:
            return "contract address collision";
        case Failure::code_too_large:
            return "max code size exceeded";
        case Failure::code_begins_with_ef:
            return "invalid code: must not begin with 0xef";
        case Failure::code_not_paid:
            return "contract creation code storage out of gas";
        case Failure::precompile:
            return "precompiled contract failed";
        case Failure::undefined:
            return "undefined";
        case Failure::not_simulated:
            return "not simulated";
        case Failure::too_much_work:
            return "too much work";
        case Failure::out_of_time:
            return "out of time";
        default:
            return {};
    }
}

}  // namespace

std::string failure_text(const FailureDetail& failure) {
    switch (failure.kind) {
        case Failure::invalid_opcode:
            return opcode_text(failure.first);
        case Failure::stack_underflow:
            return fmt::format("stack underflow ({} <=> {})", failure.first, failure.second);
        case Failure::stack_overflow:
            return fmt::format("stack limit reached {} ({})", failure.first, failure.second);
        case Failure::out_of_gas:
            return failure.inner.empty() ? "out of gas" : fmt::format("out of gas: {}", failure.inner);
        default:
            return std::string(plain_text(failure.kind));
    }
}

std::uint32_t receipt_status(Failure failure) noexcept {
    switch (failure) {
        case Failure::none:
            return 1;
        case Failure::out_of_gas:
            return 101;
        case Failure::code_not_paid:
            return 102;
        case Failure::depth:
            return 103;
        case Failure::address_taken:
            return 104;
        case Failure::reverted:
            return 106;
        case Failure::code_too_large:
            return 107;
        case Failure::static_write:
            return 108;
        case Failure::balance:
            return 110;
        case Failure::bad_jump:
            return 111;
        case Failure::return_data_bounds:
            return 112;
        case Failure::gas_overflow:
            return 113;
        case Failure::code_begins_with_ef:
            return 116;
        default:
            return 100;
    }
}

}  // namespace ioswarm::evm
