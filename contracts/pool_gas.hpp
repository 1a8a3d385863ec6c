// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "contracts/gas.hpp"

/// What the reward contract's transactions cost on IoTeX, for nodes that estimate nothing. Measured on anvil as
/// execution minus refund, and put into IoTeX's formula; a test compares them with the contract that is built
/// in.
namespace ioswarm::contracts {

/// The constructor's run: it stores the coordinator and logs it.
inline constexpr std::uint64_t kConstructorGas = 24'594;
/// Gas of a deployment, from the size of the creation data (with the constructor's argument) and of the code.
[[nodiscard]] constexpr std::uint64_t deploy_gas(std::uint64_t data_bytes, std::uint64_t code_bytes) noexcept {
    const std::uint64_t words = (data_bytes + 31) / 32;
    return charged_gas(data_bytes, kConstructorGas + 2 * words + kGasPerCodeByte * code_bytes);
}

/// claim() of version 3 by a wallet that has money. iotex-core charges 24,065.
inline constexpr std::uint64_t kClaimGas = charged_gas(4, 13'665);
/// batchClaimFor([one wallet]); version 2's needs some more than version 3's.
inline constexpr std::uint64_t kBatchClaimGas = charged_gas(100, 30'000);
/// A plain transfer to a wallet.
inline constexpr std::uint64_t kTransferGas = charged_gas(0, 0);

}  // namespace ioswarm::contracts
