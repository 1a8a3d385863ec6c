// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "contracts/chain_client.hpp"
#include "contracts/reward_pool.hpp"

namespace ioswarm::cli {

/// Finds the version of the reward contract at the address `pool`: compares its code with that of the known
/// versions. Returns PoolCode::other for any other contract. Waits for the endpoint, like the next function.
/// Errors: failed_check (the address has no code), those of ChainClient.
[[nodiscard]] Result<contracts::PoolCode> pool_code_at(contracts::ChainClient& chain, const Address& pool);

/// Reads the amount in rau that `wallet` could claim from the contract `pool` now. Errors: failed_check (the
/// contract has no function claimable(address), or the call reverts), those of ChainClient.
[[nodiscard]] Result<U256> claimable_of(contracts::ChainClient& chain, const Address& pool,
                                        const Address& wallet);

}  // namespace ioswarm::cli
