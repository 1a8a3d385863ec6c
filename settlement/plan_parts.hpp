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

    void add(const OwedPayout& payout);
};

/// The transactions for a batch.
struct BatchDraft {
    std::vector<PlannedIntent> intents;
    std::uint64_t gas_limit = 0;     ///< sum over all intents
    std::uint64_t expected_gas = 0;  ///< the cost when all wallets are new and none wastes gas
};

/// The ids of a v3 pool that may be used: `count` ids, the highest is `newest`.
struct PoolIds {
    std::uint64_t newest = 0;
    std::uint64_t count = 0;
};

/// The most parts of one settlement: the size of the contract's window of ids.
inline constexpr std::uint64_t kMaxParts = 32;

/// Returns nothing when every id up to the ledger's last height is at or below the pool's lastEpoch.
[[nodiscard]] std::optional<PoolIds> pool_ids(const PlanInput& input, const PayoutBatch& batch);

/// Number of transactions that a v3 settlement of these wallets needs. 0 for no wallets.
[[nodiscard]] std::uint64_t parts_needed_v3(const PlanInput& input, const std::map<Address, U256>& wallets);
/// Whether the batch fits into the number of transactions that it may have.
[[nodiscard]] bool fits(const PlanInput& input, const PayoutBatch& batch);
/// The transactions of a batch that fits. v3: one intent per part, with ascending ids. v2: first weights, then
/// value.
[[nodiscard]] Result<BatchDraft> draft_batch(const PlanInput& input, const PayoutBatch& batch);

}  // namespace ioswarm::settlement
