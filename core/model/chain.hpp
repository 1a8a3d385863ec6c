// SPDX-License-Identifier: Apache-2.0
#pragma once

// The chain as the coordinator sees it, whoever tells of it (a node, the embedded chain, a fake).

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

/// A pending transaction, read once and shared from then on; never changed after it was made.
struct PoolAction {
    Bytes raw;  ///< the serialized iotextypes.Action, exactly as the source gave it
    /// Of `raw`; tells one pool entry from another even where the action has no hash we can compute.
    Hash256 raw_id;
    /// The hash receipts use. Nothing when it cannot be computed (an unknown kind in an Ethereum encoding):
    /// such an action is dispatched without comparison.
    std::optional<Hash256> hash;
    Address sender;
    std::optional<Address> receiver;  ///< nothing for creations and kinds without one account as target
    std::uint64_t nonce = 0;
    std::string
        kind;  ///< "transfer", "execution", "stakeCreate", …; "unknown" for the rest; for counters and logs
    /// What an EVM runs; only transfers, calls and creations have it (reference-defects.md 15).
    std::optional<EvmTx> evm_tx;
};
using PoolActionPtr = std::shared_ptr<const PoolAction>;

/// The newest block of a source.
struct ChainTip {
    std::uint64_t height = 0;
    std::chrono::system_clock::time_point time;  ///< the block's own timestamp
    U256 base_fee_rau;                           ///< 0 when the chain has none
};

/// Confirmed state of an account at a height.
struct AccountState {
    U256 balance_rau;
    std::uint64_t nonce = 0;           ///< next nonce that a transaction of it must have
    std::optional<Hash256> code_hash;  ///< nothing for a plain account
};

/// What became of an action in a block.
struct Receipt {
    Hash256 action_hash;
    std::uint64_t status =
        0;  ///< 1 success, 106 revert, 2xx staking errors; anything but 1 is mined and failed
    std::uint64_t gas_consumed = 0;
};
inline constexpr std::uint64_t kReceiptSuccess = 1;

struct ExecutedBlock {
    std::uint64_t height = 0;
    std::chrono::system_clock::time_point time;
    U256 base_fee_rau;
    std::vector<Receipt> receipts;  ///< one for every action of the block, system actions too
    /// Hashes computed here from the block's actions that no receipt of it carries. Not zero = our hashing and
    /// the node's disagree: an alarm, since comparisons would silently be missed.
    std::uint64_t unmatched_actions = 0;
    /// Actions whose hash cannot be computed here (see PoolAction::hash).
    std::uint64_t unhashable_actions = 0;
    Bytes delta_state_digest;  ///< of the header; empty when the source has none
};

}  // namespace ioswarm
