// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace ioswarm::sim {

/// The contract that the embedded chain calls: takes a selector and one word, reverts when the word is odd,
/// else stops.
inline constexpr std::array<std::uint8_t, 16> kContractCode{
    0x60, 0x04, 0x35,              // PUSH1 4, CALLDATALOAD
    0x60, 0x01, 0x16,              // PUSH1 1, AND
    0x60, 0x0a, 0x57,              // PUSH1 10, JUMPI
    0x00,                          // STOP
    0x5b,                          // JUMPDEST (10)
    0x60, 0x00, 0x60, 0x00, 0xfd,  // PUSH1 0, PUSH1 0, REVERT
};
/// Puts it in place: the code stands behind these twelve bytes.
inline constexpr std::array<std::uint8_t, 12> kInitCode{
    0x60, 0x10, 0x60, 0x0c, 0x60, 0x00, 0x39,  // PUSH1 16, PUSH1 12, PUSH1 0, CODECOPY
    0x60, 0x10, 0x60, 0x00, 0xf3,              // PUSH1 16, PUSH1 0, RETURN
};
inline constexpr std::array<std::uint8_t, 4> kCallSelector{0x3f, 0xa4, 0xf2, 0x45};

inline constexpr std::uint64_t kCallDataBytes = 4 + 32;
inline constexpr std::uint64_t kCreationDataBytes = kInitCode.size() + kContractCode.size() + 8;  // and a salt

// Gas of the execution alone, counted by hand from the Ethereum yellow paper's table.
inline constexpr std::uint64_t kCallGas = 5 * 3 + 10;
inline constexpr std::uint64_t kRevertedCallGas = kCallGas + 1 + 3 + 3;
inline constexpr std::uint64_t kCreationGas = 3 * 3 + (3 + 3 + 3) + 2 * 3 + 200 * kContractCode.size();

}  // namespace ioswarm::sim
