// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/u256.hpp"

/// What IoTeX charges for a transaction. Used for nodes that do not offer eth_estimateGas, and for checks
/// before signing (a node accepts transactions that it will never put into a block). Source: iotex-core's
/// action/protocol/execution and api/web3server.go, and the measurements named below.
namespace ioswarm::contracts {

/// The minimum gas price of a block, in rau per gas (1000 Gwei).
inline constexpr std::uint64_t kMinGasPrice = 1'000'000'000'000;
/// The maximum gas of a transaction. The node's API reports 0 for it and accepts transactions with more, but
/// never mines them.
inline constexpr std::uint64_t kBlockGasLimit = 25'000'000;
/// The maximum call data that a node accepts, in bytes.
inline constexpr std::uint64_t kMaxCallData = std::uint64_t{48} * 1024;

/// The prices of a transaction, before its execution is paid.
inline constexpr std::uint64_t kBaseGas = 10'000;
inline constexpr std::uint64_t kGasPerDataByte = 100;       ///< zero bytes cost the same as others
inline constexpr std::uint64_t kFloorGasPerDataByte = 250;  ///< minimum since Prague (EIP-7623)
inline constexpr std::uint64_t kGasPerCodeByte = 200;       ///< for the code of a new contract

/// The gas charged before anything runs.
[[nodiscard]] constexpr std::uint64_t intrinsic_gas(std::uint64_t data_bytes) noexcept {
    return kBaseGas + kGasPerDataByte * data_bytes;
}
/// The minimum gas charged.
[[nodiscard]] constexpr std::uint64_t floor_gas(std::uint64_t data_bytes) noexcept {
    return kBaseGas + kFloorGasPerDataByte * data_bytes;
}
/// Gas used by a transaction whose execution needs `execution` gas after the refund.
[[nodiscard]] constexpr std::uint64_t charged_gas(std::uint64_t data_bytes, std::uint64_t execution) noexcept {
    return std::max(intrinsic_gas(data_bytes) + execution, floor_gas(data_bytes));
}

/// A gas limit with a quarter in reserve, never below the floor.
[[nodiscard]] constexpr std::uint64_t gas_limit_for(std::uint64_t estimate, std::uint64_t data_bytes) noexcept {
    return std::max(estimate + estimate / 4, floor_gas(data_bytes));
}

/// Gas limit of a settleEpoch with this many wallets. It covers the most that misbehaving payees can cost.
/// Measured per entry: 25,878 for a new wallet that is credited; with SEND_NOW 39,466 for a wallet that was
/// never used and 69,109 for a new contract that burns all its gas.
[[nodiscard]] constexpr std::uint64_t settle_epoch_gas_limit(std::uint64_t credited,
                                                             std::uint64_t sent) noexcept {
    return 60'000 + 27'000 * credited + 75'000 * sent;
}

/// The price after one increase: 12.5% and one rau more. To replace a transaction, IoTeX requires any increase
/// and Ethereum's nodes require 10%.
[[nodiscard]] inline U256 bumped_price(const U256& price) {
    return price + price / 8 + 1;
}

}  // namespace ioswarm::contracts
