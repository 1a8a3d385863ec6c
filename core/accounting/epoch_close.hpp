// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/ledger/ledger_tx.hpp"
#include "core/model/settings.hpp"

namespace ioswarm {

/// The rows that close_epoch() wrote.
struct ClosedEpoch {
    EpochRow epoch;
    std::vector<PayoutRow> payouts;
};

/// Ends the running epoch inside a transaction. Divides the reward according to `work`, adds the work to the
/// agents' totals, writes the epoch and its payouts, puts new wallets into force, and drops epochs older than
/// kKeptEpochs. On entry numbers.last_height is the epoch's last block. On return `numbers` are those of the
/// next epoch; this function does not write them.
[[nodiscard]] Result<ClosedEpoch> close_epoch(LedgerTx& ledger, const RewardSettings& settings,
                                              const std::vector<WorkRow>& work, LedgerNumbers& numbers,
                                              std::int64_t now_ms);

}  // namespace ioswarm
