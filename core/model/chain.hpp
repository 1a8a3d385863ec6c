// SPDX-License-Identifier: Apache-2.0
#pragma once

// The chain as the coordinator sees it, independent of its source (a node, the embedded chain, a fake).

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// A pending transaction. It is read once, then shared, and never changes.
struct PoolAction {
    Bytes raw;  ///< the serialized iotextypes.Action, exactly as the source gave it
    /// keccak256 of `raw`. It identifies a pool entry even when we cannot compute the action's hash.
    Hash256 raw_id;
    /// The hash that receipts use. Nothing when it cannot be computed (an unknown kind in an Ethereum
    /// encoding). Such an action is dispatched, but its answers are not compared with a block.
    std::optional<Hash256> hash;
    Address sender;
    std::optional<Address> receiver;  ///< nothing for creations, and for kinds whose target is not one account
    std::uint64_t nonce = 0;
    /// "transfer", "execution", "stakeCreate", …; "unknown" for other kinds. For counters and logs.
    std::string kind;
    /// The data that an EVM runs. Only transfers, calls and creations have it.
    std::optional<EvmTx> evm_tx;
};
using PoolActionPtr = std::shared_ptr<const PoolAction>;

/// The newest block of a source.
struct ChainTip {
    std::uint64_t height = 0;
    std::chrono::system_clock::time_point time;  ///< the block's own timestamp
    U256 base_fee_rau;                           ///< 0 when the chain has none
};

/// The confirmed state of an account at a height.
struct AccountState {
    U256 balance_rau;
    std::uint64_t nonce = 0;           ///< the nonce that its next transaction must have
    std::optional<Hash256> code_hash;  ///< nothing for a plain account
};

/// The outcome of an action in a block.
struct Receipt {
    Hash256 action_hash;
    /// 1 success, 106 revert, 2xx staking errors. An action with any value but 1 was mined and failed.
    std::uint64_t status = 0;
    std::uint64_t gas_consumed = 0;
};
inline constexpr std::uint64_t kReceiptSuccess = 1;

/// A block with the receipts of its actions.
struct ExecutedBlock {
    std::uint64_t height = 0;
    std::chrono::system_clock::time_point time;
    U256 base_fee_rau;
    std::vector<Receipt> receipts;  ///< one per action of the block, system actions included
    /// Actions of the block whose hash, as computed here, is in none of its receipts. If this is not zero, our
    /// hashing and the node's disagree. That is an alarm, because comparisons would silently be left out.
    std::uint64_t unmatched_actions = 0;
    /// Actions whose hash cannot be computed here (see PoolAction::hash).
    std::uint64_t unhashable_actions = 0;
    Bytes delta_state_digest;  ///< from the block's header; empty when the source has none
};

}  // namespace ioswarm
