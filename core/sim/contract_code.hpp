// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace ioswarm::sim {

/// The contract that the embedded chain calls. It takes a selector and one word. It reverts if the word is odd;
/// otherwise it stores the word in its storage slot 0.
inline constexpr std::array<std::uint8_t, 20> kContractCode{
    0x60, 0x04, 0x35,              // PUSH1 4, CALLDATALOAD
    0x80, 0x60, 0x01, 0x16,        // DUP1, PUSH1 1, AND
    0x60, 0x0e, 0x57,              // PUSH1 14, JUMPI
    0x60, 0x00, 0x55, 0x00,        // PUSH1 0, SSTORE, STOP
    0x5b,                          // JUMPDEST (14)
    0x60, 0x00, 0x60, 0x00, 0xfd,  // PUSH1 0, PUSH1 0, REVERT
};
/// The creation code. It stores kFirstWord in slot 0 and returns the contract's code, which follows these 17
/// bytes.
inline constexpr std::array<std::uint8_t, 17> kInitCode{
    0x60, 0x01, 0x60, 0x00, 0x55,              // PUSH1 1, PUSH1 0, SSTORE
    0x60, 0x14, 0x60, 0x11, 0x60, 0x00, 0x39,  // PUSH1 20, PUSH1 17, PUSH1 0, CODECOPY
    0x60, 0x14, 0x60, 0x00, 0xf3,              // PUSH1 20, PUSH1 0, RETURN
};
inline constexpr std::uint64_t kFirstWord = 1;
inline constexpr std::array<std::uint8_t, 4> kCallSelector{0x3f, 0xa4, 0xf2, 0x45};

inline constexpr std::uint64_t kCallDataBytes = 4 + 32;
inline constexpr std::uint64_t kCreationDataBytes = kInitCode.size() + kContractCode.size() + 8;  // plus a salt

// Gas of the execution alone, counted by hand from the EVM's gas costs. No word is ever written twice and slot
// 0 is never 0, so a call's SSTORE always costs the same.
inline constexpr std::uint64_t kPlainGas = 3;  // PUSH1, DUP1, CALLDATALOAD, AND
inline constexpr std::uint64_t kColdSlotGas = 2'100;
inline constexpr std::uint64_t kCallHeadGas = 6 * kPlainGas + 10;
inline constexpr std::uint64_t kCallGas = kCallHeadGas + kPlainGas + kColdSlotGas + 2'900;
inline constexpr std::uint64_t kRevertedCallGas = kCallHeadGas + 1 + 2 * kPlainGas;
// The instruction, one word copied, one word of memory.
inline constexpr std::uint64_t kCodeCopyGas = 3 + 3 + 3;
inline constexpr std::uint64_t kCreationGas =
    7 * kPlainGas + kColdSlotGas + 20'000 + kCodeCopyGas + 200 * kContractCode.size();

}  // namespace ioswarm::sim
