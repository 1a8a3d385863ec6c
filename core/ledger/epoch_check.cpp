// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/epoch_check.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/ledger/ledger_tx.hpp"
#include "core/sqlite/rows.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {
namespace {

constexpr std::size_t kMaxFaults = 20;
/// Rows per transaction. Reading and hashing them takes a few milliseconds, so the writer is not held up.
constexpr std::int64_t kEpochsPerPage = 4'000;

constexpr const char* kEpochPage =
    "SELECT epoch, first_height, last_height, pool_rau, hash FROM epochs WHERE epoch >= ?1 AND epoch < ?2 "
    "ORDER BY epoch LIMIT ?3";

/// `settled` (see settled_of()) is 0 exactly while `notice` is waiting. Both columns say whether the payout is
/// still owed, so that one flipped bit cannot turn an owed payout into a paid one.
bool agree(std::int64_t notice, std::optional<std::int64_t> settled) {
    const bool waits = notice == static_cast<std::int64_t>(PayoutNotice::waiting);
    const bool is_known = waits || notice == static_cast<std::int64_t>(PayoutNotice::due) ||
                          notice == static_cast<std::int64_t>(PayoutNotice::sent);
    if (!is_known || (settled && *settled != 0 && *settled != 1)) return false;
    return waits == (settled == 0);
}

/// One row of kEpochPage.
struct EpochFigures {
    HashedEpoch epoch;
    std::optional<Hash256> hash;
};

Result<EpochFigures> figures_of(const sqlite::Statement& row) {
    EpochFigures out;
    out.epoch.epoch = row.u64(0);
    out.epoch.first_height = row.u64(1);
    out.epoch.last_height = row.u64(2);
    IOSWARM_TRY(out.epoch.pool_rau, row.amount(3));
    if (!row.is_null(4)) {
        IOSWARM_TRY(out.hash, row.fixed<Hash256>(4));
    }
    return out;
}

}  // namespace

struct EpochCheck::Comparison {
    const std::vector<Payouts>& payouts;
    std::uint64_t running_epoch;
    std::uint64_t hashed_from;  ///< every epoch from this one on has a hash
    std::size_t next = 0;       ///< the first of `payouts` that is not compared yet
    std::optional<std::uint64_t> before{};
    std::vector<EpochFault> faults{};

    void report(std::uint64_t epoch, std::string why) {
        if (faults.size() < kMaxFaults) faults.push_back({epoch, std::move(why)});
    }
    /// Skips payouts of epochs below `epoch`, and reports those that should have a row in table epochs. Older
    /// versions deleted the rows of old epochs.
    void skip_payouts_below(std::uint64_t epoch) {
        for (; next < payouts.size() && payouts[next].epoch < epoch; ++next) {
            if (payouts[next].epoch >= hashed_from)
                report(payouts[next].epoch,
                       fmt::format("epoch {} has payouts, and no row in table epochs", payouts[next].epoch));
        }
    }
    void check_gap(std::uint64_t epoch) {
        // Old epochs are dropped, except single ones with a payout that is still owed.
        const bool may_follow_a_gap = before && *before + kKeptEpochs < running_epoch;
        if (before && epoch != *before + 1 && !may_follow_a_gap)
            report(*before + 1, fmt::format("epochs {} to {} are missing", *before + 1, epoch - 1));
        before = epoch;
    }
    void compare(const EpochFigures& row) {
        const std::uint64_t epoch = row.epoch.epoch;
        check_gap(epoch);
        skip_payouts_below(epoch);
        const bool has_payouts = next < payouts.size() && payouts[next].epoch == epoch;
        const Payouts* const own = has_payouts ? &payouts[next++] : nullptr;
        if (!row.hash) {
            if (epoch >= hashed_from) report(epoch, fmt::format("the hash of epoch {} is missing", epoch));
            return;
        }
        if (epoch_hash(row.epoch, own != nullptr ? own->hash : PayoutsHash().finish()) != *row.hash) {
            report(epoch,
                   fmt::format("epoch {} is not what it was when it closed: an amount, an agent, a wallet, "
                               "a height or the pool was changed (its hash differs from the stored one)",
                               epoch));
        } else if (own != nullptr && !own->contradiction.empty()) {
            report(epoch, own->contradiction);
        }
    }
    void end(std::uint64_t first_epoch) {
        skip_payouts_below(std::numeric_limits<std::uint64_t>::max());
        if (before && *before + 1 != running_epoch) {
            report(*before + 1, fmt::format("the running epoch is {}, and the last closed one is {}",
                                            running_epoch, *before));
        } else if (!before && first_epoch < running_epoch) {
            report(first_epoch, fmt::format("epochs {} to {} are missing", first_epoch, running_epoch - 1));
        }
    }
};

void EpochCheck::add(std::uint64_t epoch, const HashedPayout& payout, std::int64_t notice,
                     std::optional<std::int64_t> settled) {
    if (current_ != epoch) finish_epoch();
    current_ = epoch;
    current_hash_.add(payout);
    if (current_contradiction_.empty() && !agree(notice, settled)) {
        current_contradiction_ =
            fmt::format("epoch {}, agent {}: columns notice and settled of this payout contradict each other",
                        epoch, payout.agent_id);
    }
}

void EpochCheck::finish_epoch() {
    if (current_) payouts_.push_back({*current_, current_hash_.finish(), std::move(current_contradiction_)});
    current_.reset();
    current_hash_ = PayoutsHash();
    current_contradiction_.clear();
}

Result<std::vector<EpochFault>> EpochCheck::faults(sqlite::Database& database, std::uint64_t first_epoch,
                                                   std::uint64_t running_epoch) {
    finish_epoch();
    IOSWARM_TRY(const auto hashed_from,
                database.query_integer("SELECT value FROM meta WHERE key = 'hashed_from_epoch'"));
    // A new ledger stores 0, and the migration of an older file stores its running epoch. If the row is
    // missing, it was removed, and every epoch must have a hash.
    Comparison comparison{payouts_, running_epoch,
                          hashed_from && *hashed_from > 0 ? static_cast<std::uint64_t>(*hashed_from) : 0};
    IOSWARM_TRY(auto page, database.prepare(kEpochPage));
    std::int64_t rows = kEpochsPerPage;
    for (std::uint64_t from = first_epoch; rows == kEpochsPerPage;) {
        rows = 0;
        page.bind_u64(1, from).bind_u64(2, running_epoch).bind(3, kEpochsPerPage);
        IOSWARM_DO(sqlite::for_each_row(page, [&]() -> Status {
            IOSWARM_TRY(const auto row, figures_of(page));
            comparison.compare(row);
            from = row.epoch.epoch + 1;
            ++rows;
            return {};
        }));
    }
    comparison.end(first_epoch);
    return std::move(comparison.faults);
}

}  // namespace ioswarm
