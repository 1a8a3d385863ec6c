// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "settlement/plan.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// A settlement that was on the chain before its file was made (`settle init --rebuild`).
struct SettledBefore {
    PlannedIntent planned;
    Hash256 hash;  ///< of the transaction
    std::uint64_t block = 0;
};

/// settlement.db: what was decided, signed, sent and seen. Only one process writes it, which the lock file
/// settlement.lock beside it ensures. Others read it through SettlementView. Each call is one transaction and
/// on the disk when it returns. Not thread-safe. Errors of every call: io, data_loss, resource_exhausted.
class SettlementStore {
  public:
    /// Creates the file (mode 0600). The rows for `settled` are final_ok from the start, have no nonce and
    /// count as nothing spent. The file gets all of them or is not created. Errors: failed_precondition (the
    /// file exists), try_again (another settler), aborted (a payout is in two of `settled`).
    [[nodiscard]] static Result<std::unique_ptr<SettlementStore>> create(
        const std::filesystem::path& dir, const SettlementIdentity& identity,
        std::span<const SettledBefore> settled = {});
    /// How much of the file open() compares with itself.
    enum class FileCheck {
        whole,   ///< every page and row: finds damage, and takes about a second per million payouts
        schema,  ///< only that the tables are those of this version: for a file that was checked a while ago
    };
    /// Errors: not_found (no `settle init` yet), try_again (another settler; `why` names its process),
    /// permission_denied, data_loss (the file is damaged), failed_precondition (a newer version).
    [[nodiscard]] static Result<std::unique_ptr<SettlementStore>> open(const std::filesystem::path& dir,
                                                                       FileCheck check = FileCheck::whole);
    /// Opens the file for reading, without the lock: a settler may write at the same time. Every call that
    /// writes fails with io. Errors: those of open() except try_again, and those of sqlite::open_for_reading().
    [[nodiscard]] static Result<std::unique_ptr<SettlementStore>> open_read_only(
        const std::filesystem::path& dir, FileCheck check = FileCheck::whole);
    virtual ~SettlementStore() = default;

    [[nodiscard]] virtual const SettlementIdentity& identity() const noexcept = 0;

    /// Stores all intents of one plan with the payouts that they cover, in state planned. Error aborted: one of
    /// the payouts is already covered, or the same work is already planned. Then nothing was written.
    [[nodiscard]] virtual Result<std::vector<IntentRow>> add_plan(std::span<const PlannedIntent> plan,
                                                                  std::int64_t now_ms) = 0;

    /// The oldest intent that is not final. Nothing when all are final.
    [[nodiscard]] virtual Result<std::optional<IntentRow>> live_intent() = 0;
    [[nodiscard]] virtual Result<std::optional<IntentRow>> intent(std::uint64_t id) = 0;
    [[nodiscard]] virtual Result<std::optional<IntentRow>> intent_with_nonce(std::uint64_t nonce) = 0;
    /// The highest id; 0 when there is no intent.
    [[nodiscard]] virtual Result<std::uint64_t> newest_intent() = 0;
    /// Intents from `first_id` on, by ascending id, at most `limit`.
    [[nodiscard]] virtual Result<std::vector<IntentRow>> intents(std::uint64_t first_id, std::size_t limit) = 0;
    [[nodiscard]] virtual Result<std::vector<AttemptRow>> attempts(std::uint64_t intent) = 0;
    [[nodiscard]] virtual Result<std::vector<ObservationRow>> observations(std::uint64_t intent) = 0;
    /// The payouts that the intent covers, or covered before it reverted or was cancelled.
    [[nodiscard]] virtual Result<std::vector<CoveredPayout>> payouts_of(std::uint64_t intent) = 0;
    /// The (epoch, agent) pairs from `first_epoch` on that an intent covers. Reverted and cancelled intents
    /// cover nothing.
    [[nodiscard]] virtual Result<std::set<std::pair<std::uint64_t, std::string>>> covered(
        std::uint64_t first_epoch) = 0;
    [[nodiscard]] virtual Result<std::set<Address>> push_failed() = 0;

    /// The nonce that the next intent will get: the first one, or one above the highest that was assigned or
    /// that an operator gave up (see Halt::free_nonce).
    [[nodiscard]] virtual Result<std::uint64_t> next_nonce() = 0;
    /// planned → reserved, with next_nonce(). Error failed_precondition: not planned, or another intent is
    /// live.
    [[nodiscard]] virtual Result<std::uint64_t> reserve_nonce(std::uint64_t intent) = 0;
    /// Stores signed bytes. The first attempt moves reserved → signed. The store sets the number. Error
    /// failed_precondition: the intent has no nonce, or is final.
    [[nodiscard]] virtual Result<AttemptRow> add_attempt(const AttemptRow& attempt) = 0;
    /// Counts a send before it happens, and moves signed → sending.
    [[nodiscard]] virtual Status note_send(std::uint64_t intent, std::uint64_t attempt, std::uint64_t tip) = 0;
    /// Stores the endpoint's answer. `pooled` moves sending → pooled.
    [[nodiscard]] virtual Status note_answer(std::uint64_t intent, std::uint64_t attempt, std::string answer,
                                             bool pooled) = 0;
    /// Stores an endpoint's receipt and moves to mined.
    [[nodiscard]] virtual Status note_mined(const ObservationRow& seen) = 0;
    /// The receipt disappeared: mined → sending; observations are removed.
    [[nodiscard]] virtual Status note_unmined(std::uint64_t intent) = 0;
    /// Operator's order: → cancelling.
    [[nodiscard]] virtual Status note_cancelling(std::uint64_t intent) = 0;

    /// The end of an intent. One transaction writes the row, `spend` and the wallets that refused a push. For
    /// reverted and cancelled intents it also removes the cover of their payouts. When a `weights` intent
    /// reverts or is cancelled, the value step that waits for it is cancelled too.
    struct End {
        IntentState state = IntentState::final_ok;
        std::optional<Hash256> hash;
        std::uint64_t block = 0;
        std::uint64_t gas_used = 0;
        U256 gas_price;
        std::string reason;
        std::set<Address> push_failed;
        std::int64_t now_ms = 0;
        /// Another transaction of the wallet used the nonce. Then the intent may end as cancelled in any state.
        bool nonce_lost = false;
    };
    [[nodiscard]] virtual Status finish(std::uint64_t intent, const End& end) = 0;

    /// How often unpaid payouts have failed on chain since the last halt was ended. The counts are those of the
    /// payout that failed most often.
    struct Reverts {
        std::uint64_t generations = 0;  ///< intents that covered it and ended as final_reverted
        std::uint64_t out_of_gas = 0;   ///< how many of these used all their gas
    };
    [[nodiscard]] virtual Result<Reverts> reverts_of_unpaid() = 0;

    /// Value and gas of all intents signed in the UTC day of `now_ms`. Final ones count with their cost, live
    /// ones with the most that they can cost.
    [[nodiscard]] virtual Result<U256> spent_today(std::int64_t now_ms) = 0;

    [[nodiscard]] virtual Result<Halt> halt() = 0;
    /// Halts. With reason none, ends a halt by an operator's order.
    [[nodiscard]] virtual Status set_halt(const Halt& halt) = 0;
    /// Stores why the settler is waiting, for `settle status` and the API.
    [[nodiscard]] virtual Status set_hold(const Hold& hold, std::int64_t now_ms) = 0;
};

}  // namespace ioswarm::settlement
