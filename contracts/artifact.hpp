// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// The reward contract that this program was built with: contracts/AgentRewardPool.json, compiled from
/// contracts/solidity/AgentRewardPool.sol. All views live as long as the program.

/// The code that creates the contract. The constructor's argument must be appended: the coordinator's address
/// as a word of 32 bytes.
[[nodiscard]] BytesView reward_pool_creation_code() noexcept;
/// The code that eth_getCode returns for the contract.
[[nodiscard]] BytesView reward_pool_code() noexcept;
/// keccak256 of reward_pool_code().
[[nodiscard]] const Hash256& reward_pool_code_hash() noexcept;
/// The contract's ABI as JSON.
[[nodiscard]] std::string_view reward_pool_abi() noexcept;

}  // namespace ioswarm
