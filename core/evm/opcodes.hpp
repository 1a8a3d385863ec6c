// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace ioswarm::evm {

/// The opcodes up to Cancun (Ethereum yellow paper, appendix H, and the EIPs since).
enum class Op : std::uint8_t {
    stop = 0x00,
    add,
    mul,
    sub,
    div,
    sdiv,
    mod,
    smod,
    addmod,
    mulmod,
    exp,
    signextend,
    lt = 0x10,
    gt,
    slt,
    sgt,
    eq,
    iszero,
    and_,
    or_,
    xor_,
    not_,
    byte,
    shl,
    shr,
    sar,
    keccak256 = 0x20,
    address = 0x30,
    balance,
    origin,
    caller,
    callvalue,
    calldataload,
    calldatasize,
    calldatacopy,
    codesize,
    codecopy,
    gasprice,
    extcodesize,
    extcodecopy,
    returndatasize,
    returndatacopy,
    extcodehash,
    blockhash = 0x40,
    coinbase,
    timestamp,
    number,
    prevrandao,
    gaslimit,
    chainid,
    selfbalance,
    basefee,
    blobhash,
    blobbasefee,
    pop = 0x50,
    mload,
    mstore,
    mstore8,
    sload,
    sstore,
    jump,
    jumpi,
    pc,
    msize,
    gas,
    jumpdest,
    tload,
    tstore,
    mcopy,
    push0,
    push1 = 0x60,
    push32 = 0x7f,
    dup1 = 0x80,
    dup16 = 0x8f,
    swap1 = 0x90,
    swap16 = 0x9f,
    log0 = 0xa0,
    log4 = 0xa4,
    create = 0xf0,
    call,
    callcode,
    return_,
    delegatecall,
    create2,
    staticcall = 0xfa,
    revert = 0xfd,
    invalid = 0xfe,
    selfdestruct = 0xff,
};

inline constexpr std::size_t kStackLimit = 1024;

/// What every step checks before it does anything.
struct OpInfo {
    std::uint16_t gas = 0;             ///< the constant part
    std::uint16_t needs = 0;           ///< words that must be on the stack
    std::uint16_t most = kStackLimit;  ///< words that may be on it
};

/// By opcode; an undefined one costs nothing and needs nothing, and fails when it is executed.
extern const std::array<OpInfo, 256> kOpcodes;

}  // namespace ioswarm::evm
