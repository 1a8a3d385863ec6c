// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>

#include "core/base/try.hpp"
#include "core/sqlite/lock_file.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/store.hpp"

namespace ioswarm::settlement {

/// SettlementStore over settlement.db. The destructor closes the file and writes no row.
class SqliteStore final : public SettlementStore {
  public:
    SqliteStore(std::optional<LockFile> lock, sqlite::Database database, const SettlementIdentity& identity)
        : lock_(std::move(lock)), database_(std::move(database)), identity_(identity) {}

    /// Creates the tables, and rows for earlier settlements, in one transaction.
    [[nodiscard]] Status fill(std::span<const SettledBefore> settled);

    [[nodiscard]] const SettlementIdentity& identity() const noexcept override { return identity_; }
    Result<std::vector<IntentRow>> add_plan(std::span<const PlannedIntent> plan, std::int64_t now_ms) override;
    Result<std::optional<IntentRow>> live_intent() override;
    Result<std::optional<IntentRow>> intent(std::uint64_t id) override;
    Result<std::optional<IntentRow>> intent_with_nonce(std::uint64_t nonce) override;
    Result<std::uint64_t> newest_intent() override;
    Result<std::vector<IntentRow>> intents(std::uint64_t first_id, std::size_t limit) override;
    Result<std::vector<AttemptRow>> attempts(std::uint64_t intent) override;
    Result<std::vector<ObservationRow>> observations(std::uint64_t intent) override;
    Result<std::vector<CoveredPayout>> payouts_of(std::uint64_t intent) override;
    Result<std::set<std::pair<std::uint64_t, std::string>>> covered(std::uint64_t first_epoch) override;
    Result<std::set<Address>> push_failed() override;
    Result<std::uint64_t> next_nonce() override;
    Result<std::uint64_t> reserve_nonce(std::uint64_t intent) override;
    Result<AttemptRow> add_attempt(const AttemptRow& attempt) override;
    Status note_send(std::uint64_t intent, std::uint64_t attempt, std::uint64_t tip) override;
    Status note_answer(std::uint64_t intent, std::uint64_t attempt, std::string answer, bool pooled) override;
    Status note_mined(const ObservationRow& seen) override;
    Status note_unmined(std::uint64_t intent) override;
    Status note_cancelling(std::uint64_t intent) override;
    Status finish(std::uint64_t intent, const End& end) override;
    Result<Reverts> reverts_of_unpaid() override;
    Result<U256> spent_today(std::int64_t now_ms) override;
    Result<Halt> halt() override;
    Status set_halt(const Halt& halt) override;
    Status set_hold(const Hold& hold, std::int64_t now_ms) override;

  private:
    /// Reads one intent, which must exist and be in one of these states. Error failed_precondition.
    [[nodiscard]] Result<IntentRow> intent_in(std::uint64_t id, std::initializer_list<IntentState> states,
                                              const char* what);
    [[nodiscard]] Status note_resumed(const Halt& halt);
    [[nodiscard]] Status set_state(std::uint64_t id, IntentState state);
    [[nodiscard]] Status add_intent(IntentRow& intent, const std::vector<CoveredPayout>& payouts);
    [[nodiscard]] Result<std::vector<IntentRow>> store_plan(std::span<const PlannedIntent> plan,
                                                            std::int64_t now_ms);
    [[nodiscard]] Status add_settled(const SettledBefore& settled);
    [[nodiscard]] Status add_cover(std::uint64_t intent, const CoveredPayout& payout);
    [[nodiscard]] Result<Hash256> free_key(const IntentRow& intent);
    [[nodiscard]] Status store_attempt(const IntentRow& intent, AttemptRow& attempt);
    [[nodiscard]] Status note_max_spend(const IntentRow& intent, const AttemptRow& attempt);
    [[nodiscard]] Status end_row(const IntentRow& intent, const End& end);
    [[nodiscard]] Status end_payouts(const IntentRow& intent, const End& end);
    [[nodiscard]] Status end_totals(const IntentRow& intent, const End& end);
    [[nodiscard]] Status cancel_value_step(const IntentRow& weights, const End& end);
    /// Prepares a statement, binds it with `bind` and runs it to its end.
    template <typename Bind>
    [[nodiscard]] Status run(std::string_view sql, Bind bind);
    /// Runs `work` in one transaction and returns its result. Rolls back on an error.
    template <typename Work>
    [[nodiscard]] auto at_once(Work work) -> decltype(work());

    /// Nothing for a file that is only read.
    std::optional<LockFile>
        lock_;  // declared before the database, so that it is released after the database is closed
    sqlite::Database database_;
    SettlementIdentity identity_;
};

/// A transaction that is rolled back unless it is committed.
class StoreTransaction {
  public:
    explicit StoreTransaction(sqlite::Database& database) : database_(database) {}
    ~StoreTransaction() {
        if (begun_ && database_.in_transaction()) static_cast<void>(run("ROLLBACK"));
    }
    StoreTransaction(const StoreTransaction&) = delete;
    StoreTransaction& operator=(const StoreTransaction&) = delete;

    [[nodiscard]] Status begin() {
        Status status = run("BEGIN IMMEDIATE");
        begun_ = status.has_value();
        return status;
    }
    [[nodiscard]] Status commit() { return run("COMMIT"); }

  private:
    [[nodiscard]] Status run(std::string_view sql) {
        IOSWARM_TRY(auto statement, database_.prepare(sql));
        return statement.run();
    }

    sqlite::Database& database_;
    bool begun_ = false;
};

template <typename Bind>
Status SqliteStore::run(std::string_view sql, Bind bind) {
    IOSWARM_TRY(auto statement, database_.prepare(sql));
    bind(statement);
    return statement.run();
}

template <typename Work>
auto SqliteStore::at_once(Work work) -> decltype(work()) {
    StoreTransaction transaction(database_);
    IOSWARM_DO(transaction.begin());
    auto out = work();
    if (!out) return out;
    IOSWARM_DO(transaction.commit());
    return out;
}

}  // namespace ioswarm::settlement
