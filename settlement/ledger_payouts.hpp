// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "settlement/payout_source.hpp"

namespace ioswarm::settlement {

/// The owed payouts of a data directory's ledger.db, which serve may be writing to at the same time. Every call
/// opens the file anew, so that a restored backup is seen, reads in transactions of a few milliseconds each,
/// and never checkpoints. A long read is cut into many transactions: what it gives is the state at its
/// beginning, since closed epochs do not change, save for the marks of payouts that became final meanwhile.
class LedgerPayouts final : public PayoutSource {
  public:
    /// `dir`: the data directory. Nothing is opened yet.
    explicit LedgerPayouts(std::filesystem::path dir);

    /// Payouts without a wallet beyond 100,000, and payouts beyond 500,000, are left for a later call: the
    /// oldest are given first. Error failed_precondition: the file is of another version than this program's.
    [[nodiscard]] Result<LedgerFacts> read(std::uint64_t first_epoch) override;
    [[nodiscard]] Result<std::vector<std::optional<U256>>> amounts(
        std::span<const std::pair<std::uint64_t, std::string>> payouts) override;
    [[nodiscard]] Result<std::uint64_t> oldest_epoch() override;

    /// A payout, waiting or not: what a lost settlement.db is rebuilt from.
    struct Kept {
        OwedPayout payout;
        bool waiting = false;
    };
    /// Every payout that the ledger still has of epochs from `first_epoch` on, by (epoch, agent).
    [[nodiscard]] Result<std::vector<Kept>> all(std::uint64_t first_epoch);

  private:
    struct Reader;
    [[nodiscard]] Result<std::unique_ptr<Reader>> open();

    std::filesystem::path file_;
    // Below this epoch nothing waited at the last call, as long as the file is the same one.
    std::uint64_t nothing_below_ = 0;
    std::uint64_t asked_first_ = 0;
    std::uint64_t inode_ = 0;
};

}  // namespace ioswarm::settlement
