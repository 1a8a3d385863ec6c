// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/ledger/ledger_tx.hpp"
#include "core/model/settings.hpp"

namespace ioswarm {

struct ClosedEpoch {
    EpochRow epoch;
    std::vector<PayoutRow> payouts;
};

/// Ends the running epoch inside a transaction: shares out the reward over `work`, moves the work into the
/// agents' totals, writes epoch and payouts, lets new wallets come into force, and drops what is older than
/// kKeptEpochs. `numbers` (last_height is the epoch's last block) become those of the next epoch and are not
/// written here.
[[nodiscard]] Result<ClosedEpoch> close_epoch(LedgerTx& ledger, const RewardSettings& settings,
                                              const std::vector<WorkRow>& work, LedgerNumbers& numbers,
                                              std::int64_t now_ms);

}  // namespace ioswarm
