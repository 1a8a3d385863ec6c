// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "contracts/chain_client.hpp"
#include "contracts/reward_pool.hpp"

namespace ioswarm::cli {

/// Tells which reward contract has this address. Error failed_check: none.
[[nodiscard]] Result<contracts::PoolCode> pool_code_at(contracts::ChainClient& chain, const Address& pool);

/// Reads what a wallet could claim now. Error failed_check: the contract has no such function, or reverts.
[[nodiscard]] Result<U256> claimable_of(contracts::ChainClient& chain, const Address& pool,
                                        const Address& wallet);

}  // namespace ioswarm::cli
