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

/// A settlement that is on the chain already when its file is made (`settle init --rebuild`).
struct SettledBefore {
    PlannedIntent planned;
    Hash256 hash;  ///< of the transaction
    std::uint64_t block = 0;
};

/// settlement.db: what was decided, signed, sent and seen. One process writes it, which the lock file
/// settlement.lock beside it makes sure of; others read it through SettlementView. Each call is one transaction
/// and on the disk when it returns. Not thread-safe. Errors of every call: io, data_loss, resource_exhausted.
class SettlementStore {
  public:
    /// Makes the file (mode 0600). `settled` gets rows that are final_ok from the start, have no nonce and
    /// count as nothing spent; the file has all of them or is not there. Errors: failed_precondition (it is
    /// there already), try_again (another settler), aborted (a payout is in two of `settled`).
    [[nodiscard]] static Result<std::unique_ptr<SettlementStore>> create(
        const std::filesystem::path& dir, const SettlementIdentity& identity,
        std::span<const SettledBefore> settled = {});
    /// Errors: not_found (no `settle init` yet), try_again (another settler; `why` names its process),
    /// permission_denied, data_loss, failed_precondition (a newer version).
    [[nodiscard]] static Result<std::unique_ptr<SettlementStore>> open(const std::filesystem::path& dir);
    virtual ~SettlementStore() = default;

    [[nodiscard]] virtual const SettlementIdentity& identity() const noexcept = 0;

    /// Writes all intents of one plan with what they cover, state planned. Error aborted: one of the payouts is
    /// covered already, or the same work is planned already: nothing was written.
    [[nodiscard]] virtual Result<std::vector<IntentRow>> add_plan(std::span<const PlannedIntent> plan,
                                                                  std::int64_t now_ms) = 0;

    /// The oldest intent that is not final; nothing when all are.
    [[nodiscard]] virtual Result<std::optional<IntentRow>> live_intent() = 0;
    [[nodiscard]] virtual Result<std::optional<IntentRow>> intent(std::uint64_t id) = 0;
    /// Ascending id, from `first_id` on.
    [[nodiscard]] virtual Result<std::vector<IntentRow>> intents(std::uint64_t first_id, std::size_t limit) = 0;
    [[nodiscard]] virtual Result<std::vector<AttemptRow>> attempts(std::uint64_t intent) = 0;
    [[nodiscard]] virtual Result<std::vector<ObservationRow>> observations(std::uint64_t intent) = 0;
    /// What the intent covers, or covered before it reverted or was cancelled.
    [[nodiscard]] virtual Result<std::vector<CoveredPayout>> payouts_of(std::uint64_t intent) = 0;
    /// The (epoch, agent) pairs that an intent covers which is not reverted or cancelled, from `first_epoch`
    /// on.
    [[nodiscard]] virtual Result<std::set<std::pair<std::uint64_t, std::string>>> covered(
        std::uint64_t first_epoch) = 0;
    [[nodiscard]] virtual Result<std::set<Address>> push_failed() = 0;

    /// The nonce that the next intent will get: the first one, or one behind the highest that was given out or
    /// that an operator gave up (see Halt::free_nonce).
    [[nodiscard]] virtual Result<std::uint64_t> next_nonce() = 0;
    /// planned → reserved, with next_nonce(). Error failed_precondition: not planned, or another one is live.
    [[nodiscard]] virtual Result<std::uint64_t> reserve_nonce(std::uint64_t intent) = 0;
    /// Stores signed bytes; the first attempt moves reserved → signed. The number is set here. Error
    /// failed_precondition: the intent has no nonce, or is final.
    [[nodiscard]] virtual Result<AttemptRow> add_attempt(const AttemptRow& attempt) = 0;
    /// Counts a send before it happens, and moves signed → sending.
    [[nodiscard]] virtual Status note_send(std::uint64_t intent, std::uint64_t attempt, std::uint64_t tip) = 0;
    /// What the endpoint said; `pooled` moves sending → pooled.
    [[nodiscard]] virtual Status note_answer(std::uint64_t intent, std::uint64_t attempt, std::string answer,
                                             bool pooled) = 0;
    /// An endpoint's receipt; moves to mined.
    [[nodiscard]] virtual Status note_mined(const ObservationRow& seen) = 0;
    /// The receipt vanished: mined → sending, observations removed.
    [[nodiscard]] virtual Status note_unmined(std::uint64_t intent) = 0;
    /// Operator's order: → cancelling.
    [[nodiscard]] virtual Status note_cancelling(std::uint64_t intent) = 0;

    /// The end of an intent. One transaction: the row, `spend`, which wallets refused a push, and for reverted
    /// and cancelled ones the removal of what it covered. A `weights` intent that reverts or is cancelled takes
    /// the value step that waits for it with it.
    struct End {
        IntentState state = IntentState::final_ok;
        std::optional<Hash256> hash;
        std::uint64_t block = 0;
        std::uint64_t gas_used = 0;
        U256 gas_price;
        std::string reason;
        std::set<Address> push_failed;
        std::int64_t now_ms = 0;
        /// Another transaction of the wallet used the nonce: the intent may end as cancelled in any state.
        bool nonce_lost = false;
    };
    [[nodiscard]] virtual Status finish(std::uint64_t intent, const End& end) = 0;

    /// How often what is still unpaid has failed on chain: of the payout that failed most, since the last halt
    /// was ended.
    struct Reverts {
        std::uint64_t generations = 0;  ///< intents that covered it and ended as final_reverted
        std::uint64_t out_of_gas = 0;   ///< of them, those that used all their gas
    };
    [[nodiscard]] virtual Result<Reverts> reverts_of_unpaid() = 0;

    /// Value and gas of all intents signed in the UTC day of `now_ms`: final ones by what they cost, live ones
    /// by the most that they can cost.
    [[nodiscard]] virtual Result<U256> spent_today(std::int64_t now_ms) = 0;

    [[nodiscard]] virtual Result<Halt> halt() = 0;
    /// Halts, or, with reason none, ends a halt by an operator's order.
    [[nodiscard]] virtual Status set_halt(const Halt& halt) = 0;
    /// Why the settler waits at the moment, for `settle status` and the API.
    [[nodiscard]] virtual Status set_hold(const Hold& hold, std::int64_t now_ms) = 0;
};

}  // namespace ioswarm::settlement
