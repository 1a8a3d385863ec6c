// SPDX-License-Identifier: Apache-2.0
#pragma once

// Turns owed payouts into transactions. Only for make_plan() and its tests.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/base/result.hpp"
#include "settlement/plan.hpp"

namespace ioswarm::settlement {

/// Payouts that are to be paid together, merged by wallet.
struct PayoutBatch {
    std::vector<const OwedPayout*> payouts;  ///< by (epoch, agent); all have a wallet that can be paid
    std::map<Address, U256> wallets;         ///< sum per wallet; 0 only if all payouts of the wallet are 0
    U256 value_rau;
    std::uint64_t epochs = 0;         ///< number of different epochs
    std::uint64_t newest_height = 0;  ///< last height of the newest epoch
    std::uint64_t blocks = 0;         ///< number of blocks in all epochs

    /// Payouts must come in ascending order of (epoch, agent). They must outlive the batch, which points to
    /// them.
    void add(const OwedPayout& payout);
};

/// The transactions for a batch.
struct BatchDraft {
    std::vector<PlannedIntent> intents;
    std::uint64_t gas_limit = 0;     ///< sum over all intents
    std::uint64_t expected_gas = 0;  ///< if every wallet is a new account and no wallet's code uses extra gas
};

/// The ids that a settlement may use. A v3 contract identifies each settlement by an id, here a block height.
/// This program uses only ids above the contract's lastEpoch (its highest id), in ascending order. There are
/// `count` of them, and the highest is `newest`.
struct PoolIds {
    std::uint64_t newest = 0;
    std::uint64_t count = 0;
};

/// Maximum number of parts of one settlement. The contract remembers for its 32 highest ids which ones are
/// settled (its window), so all parts of a settlement must be within 32 ids.
inline constexpr std::uint64_t kMaxParts = 32;

/// Returns nothing if there is no unused id: every height up to the ledger's last one is at or below the
/// contract's lastEpoch, or the batch is newer than the ledger.
[[nodiscard]] std::optional<PoolIds> pool_ids(const PlanInput& input, const PayoutBatch& batch);

/// Number of transactions that a v3 settlement of these wallets needs. 0 for no wallets.
[[nodiscard]] std::uint64_t parts_needed_v3(const PlanInput& input, const std::map<Address, U256>& wallets);
/// Whether the batch can be paid. v3: there are enough ids, and each part is within the limits on gas and call
/// data. v2: both transactions are within them.
[[nodiscard]] bool fits(const PlanInput& input, const PayoutBatch& batch);
/// The transactions of a batch for which fits() is true. v3: one intent per part, with ascending ids. v2: first
/// a transaction that sets the weights, then one that sends the money. The first has no payouts of its own:
/// they belong to the second.
[[nodiscard]] Result<BatchDraft> draft_batch(const PlanInput& input, const PayoutBatch& batch);

}  // namespace ioswarm::settlement
