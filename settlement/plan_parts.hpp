// SPDX-License-Identifier: Apache-2.0
#pragma once

// How owed payouts become transactions. Not for use outside make_plan() and its tests.

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
    std::vector<const OwedPayout*> payouts;  ///< by (epoch, agent), all with a wallet that can be paid
    std::map<Address, U256> wallets;         ///< the sum for each; 0 only where all its payouts are 0
    U256 value_rau;
    std::uint64_t epochs = 0;         ///< how many different ones
    std::uint64_t newest_height = 0;  ///< the last block of the newest epoch
    std::uint64_t blocks = 0;         ///< of all its epochs

    void add(const OwedPayout& payout);
};

/// The transactions for a batch.
struct BatchDraft {
    std::vector<PlannedIntent> intents;
    std::uint64_t gas_limit = 0;     ///< of all intents
    std::uint64_t expected_gas = 0;  ///< what they cost when all wallets are new and none burns gas
};

/// Which ids of a v3 pool may be used: `count` ids up to `newest`.
struct PoolIds {
    std::uint64_t newest = 0;
    std::uint64_t count = 0;
};

/// Splits are at most this many: what the contract's window of ids holds.
inline constexpr std::uint64_t kMaxParts = 32;

/// Nothing when every id up to the ledger's last height is at or below the pool's lastEpoch.
[[nodiscard]] std::optional<PoolIds> pool_ids(const PlanInput& input, const PayoutBatch& batch);

/// How many transactions a v3 settlement of these wallets needs; 0 when they are none.
[[nodiscard]] std::uint64_t parts_needed_v3(const PlanInput& input, const std::map<Address, U256>& wallets);
/// True: the batch fits into as many transactions as it may have.
[[nodiscard]] bool fits(const PlanInput& input, const PayoutBatch& batch);
/// The transactions of a batch that fits. v3: one intent for each part, ids ascending. v2: weights, then value.
[[nodiscard]] Result<BatchDraft> draft_batch(const PlanInput& input, const PayoutBatch& batch);

}  // namespace ioswarm::settlement
