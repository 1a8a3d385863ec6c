// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/u256.hpp"

/// What IoTeX charges for a transaction, for nodes that offer no eth_estimateGas and for checks before signing
/// (a node accepts transactions that it will never put into a block). Read in iotex-core's
/// action/protocol/execution and api/web3server.go, and measured: see the numbers below.
namespace ioswarm::contracts {

/// The least gas price that a block takes, in rau per gas (1000 Gwei).
inline constexpr std::uint64_t kMinGasPrice = 1'000'000'000'000;
/// The most gas that a transaction may have. The node's API reports 0 for it, and accepts more than it mines.
inline constexpr std::uint64_t kBlockGasLimit = 25'000'000;
/// The most call data that a node takes, in bytes.
inline constexpr std::uint64_t kMaxCallData = 48 * 1024;

inline constexpr std::uint64_t kBaseGas = 10'000;
inline constexpr std::uint64_t kGasPerDataByte = 100;       ///< zero bytes cost the same
inline constexpr std::uint64_t kFloorGasPerDataByte = 250;  ///< since Prague (EIP-7623), at least this
inline constexpr std::uint64_t kGasPerCodeByte = 200;       ///< of a new contract's code

/// Charged before anything runs.
[[nodiscard]] constexpr std::uint64_t intrinsic_gas(std::uint64_t data_bytes) noexcept {
    return kBaseGas + kGasPerDataByte * data_bytes;
}
/// Charged at least.
[[nodiscard]] constexpr std::uint64_t floor_gas(std::uint64_t data_bytes) noexcept {
    return kBaseGas + kFloorGasPerDataByte * data_bytes;
}
/// Gas used by a transaction whose execution, refund taken off, takes `execution`.
[[nodiscard]] constexpr std::uint64_t charged_gas(std::uint64_t data_bytes, std::uint64_t execution) noexcept {
    return std::max(intrinsic_gas(data_bytes) + execution, floor_gas(data_bytes));
}

/// A limit with a quarter to spare, and never below the floor.
[[nodiscard]] constexpr std::uint64_t gas_limit_for(std::uint64_t estimate, std::uint64_t data_bytes) noexcept {
    return std::max(estimate + estimate / 4, floor_gas(data_bytes));
}

/// Limit of a settleEpoch with so many wallets: what misbehaving payees can cost at most is in it. The design's
/// bound, measured per entry: 25,878 for a new wallet that is credited; SEND_NOW 39,466 for a wallet that was
/// never used and 69,109 for a new contract that burns all its gas.
[[nodiscard]] constexpr std::uint64_t settle_epoch_gas_limit(std::uint64_t credited,
                                                             std::uint64_t sent) noexcept {
    return 60'000 + 27'000 * credited + 75'000 * sent;
}

/// The price after one step up: 12.5% and one rau more. IoTeX wants any more, Ethereum's nodes 10% more.
[[nodiscard]] inline U256 bumped_price(const U256& price) {
    return price + price / 8 + 1;
}

}  // namespace ioswarm::contracts
