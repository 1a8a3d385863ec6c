// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "settlement/payout_source.hpp"

namespace ioswarm::settlement {

/// The owed payouts from a data directory's ledger.db, which serve may be writing at the same time. Every call
/// opens the file anew, so that a restored backup is noticed. It reads in transactions of a few milliseconds
/// each and never checkpoints. A long read uses many transactions. Its result is still the state at its
/// beginning, because closed epochs do not change, except for the marks of payouts that became final meanwhile.
class LedgerPayouts final : public PayoutSource {
  public:
    /// `dir` is the data directory. Opens nothing yet.
    explicit LedgerPayouts(std::filesystem::path dir);

    /// Returns at most 100,000 payouts without a wallet and 500,000 with one, oldest first. The others are left
    /// for a later call. Error failed_precondition: the file's version differs from this program's.
    [[nodiscard]] Result<LedgerFacts> read(std::uint64_t first_epoch) override;
    [[nodiscard]] Result<std::vector<std::optional<U256>>> amounts(
        std::span<const std::pair<std::uint64_t, std::string>> payouts) override;
    [[nodiscard]] Result<std::uint64_t> oldest_epoch() override;

    /// A payout, waiting or not. A lost settlement.db is rebuilt from these.
    struct Kept {
        OwedPayout payout;
        bool waiting = false;
    };
    /// All payouts that the ledger still has for epochs from `first_epoch` on, by (epoch, agent). Error
    /// data_loss also when an epoch is not what it was when it closed.
    [[nodiscard]] Result<std::vector<Kept>> all(std::uint64_t first_epoch);

    /// Payouts that were only announced to their agents, because their epochs closed without a contract.
    struct Announced {
        std::uint64_t payouts = 0;
        std::uint64_t first_epoch = 0;
        std::uint64_t last_epoch = 0;
    };
    /// What the ledger has announced so far, if no payout has ever waited for a settlement: then the contract
    /// is new. Nothing: no payout was announced, or the contract is not new. Reads every payout that is kept.
    [[nodiscard]] Result<std::optional<Announced>> announced_before_contract();

  private:
    struct Reader;
    [[nodiscard]] Result<std::unique_ptr<Reader>> open();
    [[nodiscard]] Result<LedgerFacts> read_once(std::uint64_t first_epoch);

    std::filesystem::path file_;
    // At the last call nothing waited below this epoch. Valid as long as the file is the same.
    std::uint64_t nothing_below_ = 0;
    std::uint64_t asked_first_ = 0;
    std::uint64_t inode_ = 0;
};

}  // namespace ioswarm::settlement
