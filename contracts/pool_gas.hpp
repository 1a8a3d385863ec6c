// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "contracts/gas.hpp"

/// Gas costs of the reward contract's transactions on IoTeX, for nodes that offer no estimate. Each was
/// measured on anvil as execution minus refund and put into IoTeX's formula. A test compares them with the
/// built-in contract.
namespace ioswarm::contracts {

/// Gas of the constructor, which stores the coordinator and logs it.
inline constexpr std::uint64_t kConstructorGas = 24'594;
/// Gas of a deployment, from the sizes of the creation data (including the constructor's argument) and of the
/// code.
[[nodiscard]] constexpr std::uint64_t deploy_gas(std::uint64_t data_bytes, std::uint64_t code_bytes) noexcept {
    const std::uint64_t words = (data_bytes + 31) / 32;
    return charged_gas(data_bytes, kConstructorGas + 2 * words + kGasPerCodeByte * code_bytes);
}

/// claim() of version 3 by a wallet that already has a balance. iotex-core charges 24,065.
inline constexpr std::uint64_t kClaimGas = charged_gas(4, 13'665);
/// batchClaimFor([one wallet]). Version 2 needs a little more than version 3.
inline constexpr std::uint64_t kBatchClaimGas = charged_gas(100, 30'000);
/// A plain transfer to a wallet.
inline constexpr std::uint64_t kTransferGas = charged_gas(0, 0);

/// Gas of a settleEpoch of version 3 if every wallet is new to the chain and none is a contract that burns gas,
/// which is the most that ordinary wallets cost. A wallet that was used before costs 25,000 less if the money
/// is sent to it, and 17,100 less if it is credited.
[[nodiscard]] constexpr std::uint64_t settle_epoch_gas(std::uint64_t credited, std::uint64_t sent) noexcept {
    return 34'860 + 25'850 * credited + 39'430 * sent;
}

/// The same for depositAndSettle(wallets, weights) of version 2 if every wallet is listed for the first time.
[[nodiscard]] constexpr std::uint64_t v2_weights_gas(std::uint64_t wallets) noexcept {
    return std::max(37'780 + 53'250 * wallets, floor_gas(132 + 64 * wallets));
}
/// The same for the value step of version 2 with empty lists, which pays `claimees` at once.
[[nodiscard]] constexpr std::uint64_t v2_value_gas(std::uint64_t claimees) noexcept {
    return std::max(41'400 + 41'120 * claimees, floor_gas(196 + 32 * claimees));
}
/// Gas limit of both calls of version 2, as iotex-core's coordinator sets it, without its cap of 8,000,000.
/// Version 2 gives each payee all remaining gas, so no limit protects against a payee that burns it.
[[nodiscard]] constexpr std::uint64_t v2_gas_limit(std::uint64_t wallets, std::uint64_t claimees) noexcept {
    return 200'000 + 80'000 * wallets + 60'000 * claimees;
}

}  // namespace ioswarm::contracts
