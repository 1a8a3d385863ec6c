// SPDX-License-Identifier: Apache-2.0
#include "settlement/view.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/try.hpp"
#include "core/sqlite/open_for_reading.hpp"
#include "core/sqlite/rows.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/schema.hpp"
#include "settlement/sent_money.hpp"
#include "settlement/store_rows.hpp"

namespace ioswarm::settlement {
namespace {

#define IOSWARM_PAYOUT_STATE_COLUMNS                                                                     \
    "SELECT c.epoch, c.agent, c.wallet, c.amount_rau, i.id, i.state, "                                   \
    "EXISTS(SELECT 1 FROM refused r WHERE r.intent = i.id AND r.wallet = c.wallet), "                    \
    "coalesce(i.hash, (SELECT a.hash FROM attempt a WHERE a.intent = i.id ORDER BY a.number DESC LIMIT " \
    "1)), "                                                                                              \
    "i.block, i.final_ms, c.paid_order "
constexpr const char* kNewlyPaid = IOSWARM_PAYOUT_STATE_COLUMNS
    "FROM covered c JOIN intent i ON i.id = c.intent WHERE c.paid_order > ?1 "
    "ORDER BY c.paid_order LIMIT ?2";
constexpr const char* kPayoutsOfEpochs = IOSWARM_PAYOUT_STATE_COLUMNS
    "FROM cover v JOIN covered c ON c.intent = v.intent AND c.epoch = v.epoch AND "
    "c.agent = v.agent JOIN intent i ON i.id = v.intent "
    "WHERE v.epoch BETWEEN ?1 AND ?2 ORDER BY v.epoch, v.agent";
constexpr const char* kPayoutOfAgent = IOSWARM_PAYOUT_STATE_COLUMNS
    "FROM cover v JOIN covered c ON c.intent = v.intent AND c.epoch = v.epoch AND "
    "c.agent = v.agent JOIN intent i ON i.id = v.intent WHERE v.epoch = ?1 AND v.agent = ?2";
#undef IOSWARM_PAYOUT_STATE_COLUMNS

Result<PayoutState> payout_state_of(const sqlite::Statement& row) {
    PayoutState out;
    out.payout.epoch = row.u64(0);
    out.payout.agent_id = row.text(1);
    IOSWARM_TRY(out.payout.wallet, row.fixed<Address>(2));
    IOSWARM_TRY(out.payout.amount_rau, row.amount(3));
    out.intent = row.u64(4);
    IOSWARM_TRY(out.state, enum_of(row.text(5), IntentState::cancelled));
    out.push_failed = row.integer(6) != 0;
    if (!row.is_null(7)) {
        IOSWARM_TRY(out.hash, row.fixed<Hash256>(7));
    }
    out.block = row.u64(8);
    out.final_ms = row.integer(9);
    return out;
}

class SqliteView final : public SettlementView {
  public:
    explicit SqliteView(sqlite::Database database) : database_(std::move(database)), sent_money_(database_) {}

    Result<SettlementSummary> summary() override;
    Result<SettlementIdentity> identity() override { return read_identity(database_); }
    Result<std::vector<PayoutState>> newly_paid(std::uint64_t* after, std::size_t limit) override;
    Result<std::vector<PayoutState>> payouts(std::uint64_t first_epoch, std::uint64_t last_epoch) override;
    Result<std::vector<PayoutState>> payouts_of(std::string_view agent_id,
                                                std::span<const std::uint64_t> epochs) override;
    Result<std::vector<IntentRow>> intents(std::uint64_t first_id, std::size_t limit) override {
        return read_intents(database_, first_id, limit);
    }
    Result<std::vector<AttemptRow>> attempts(std::uint64_t intent) override {
        return read_attempts(database_, intent);
    }

  private:
    /// Appends the rows of the query.
    [[nodiscard]] Status append_payout_states(sqlite::Statement& row, std::vector<PayoutState>& out);
    [[nodiscard]] Status set_credited(PayoutState& one);
    [[nodiscard]] Status read_summary(SettlementSummary& out);
    [[nodiscard]] Status check_paid(const std::vector<PayoutState>& paid);
    sqlite::Database database_;
    SentMoney sent_money_;  // after the database, which it reads
};

Status SqliteView::set_credited(PayoutState& one) {
    if (one.state != IntentState::final_ok || one.payout.amount_rau == 0) return {};
    IOSWARM_TRY(one.credited, sent_money_.is_kept(one.intent, one.payout.wallet, one.push_failed));
    return {};
}

Status SqliteView::append_payout_states(sqlite::Statement& row, std::vector<PayoutState>& out) {
    return sqlite::for_each_row(row, [&]() -> Status {
        IOSWARM_TRY(auto one, payout_state_of(row));
        IOSWARM_DO(set_credited(one));
        out.push_back(std::move(one));
        return {};
    });
}

Status SqliteView::read_summary(SettlementSummary& out) {
    IOSWARM_TRY(out.identity, read_identity(database_));
    IOSWARM_TRY(out.halt, read_halt(database_));
    IOSWARM_TRY(auto hold, read_hold(database_));
    out.hold = std::move(hold.hold);
    out.hold_ms = hold.at_ms;
    IOSWARM_TRY(out.live, read_live_intent(database_));
    IOSWARM_TRY(auto row,
                database_.prepare(
                    "SELECT paid_intents, reverted_intents, paid_rau, gas_rau, (SELECT count(*) FROM cover), "
                    "foreign_nonces FROM meta"));
    IOSWARM_DO(row.step());
    out.paid_intents = row.u64(0);
    out.reverted_intents = row.u64(1);
    IOSWARM_TRY(out.paid_rau, row.amount(2));
    IOSWARM_TRY(out.gas_rau, row.amount(3));
    out.covered_payouts = row.u64(4);
    out.foreign_nonces = row.u64(5);
    return {};
}

Result<SettlementSummary> SqliteView::summary() {
    // One transaction, so that all figures belong to the same moment.
    IOSWARM_DO(database_.execute("BEGIN"));
    SettlementSummary out;
    Status status = read_summary(out);
    Status ended = database_.execute("COMMIT");
    if (!status) return fail(std::move(status).error());
    if (!ended) return fail(std::move(ended).error());
    return out;
}

Result<std::vector<PayoutState>> SqliteView::newly_paid(std::uint64_t* after, std::size_t limit) {
    IOSWARM_TRY(auto row, database_.prepare(kNewlyPaid));
    row.bind_u64(1, at_most_column(*after)).bind_u64(2, at_most_column(limit));
    std::vector<PayoutState> out;
    std::uint64_t last = *after;
    Status status = sqlite::for_each_row(row, [&]() -> Status {
        IOSWARM_TRY(auto one, payout_state_of(row));
        IOSWARM_DO(set_credited(one));
        out.push_back(std::move(one));
        last = row.u64(10);
        return {};
    });
    if (status) status = check_paid(out);
    if (!status) return fail(std::move(status).error());
    *after = last;
    return out;
}

/// A payout that is wrongly taken for paid would never be paid. So the rows must be those that were planned.
Status SqliteView::check_paid(const std::vector<PayoutState>& paid) {
    std::uint64_t checked = 0;
    for (const PayoutState& one : paid) {
        if (one.intent == checked) continue;
        checked = one.intent;
        IOSWARM_TRY(const auto intent, read_intents(database_, one.intent, 1));
        IOSWARM_TRY(const auto covered, read_covered(database_, one.intent));
        const bool fits = !intent.empty() && intent.front().id == one.intent &&
                          intent.front().state == IntentState::final_ok &&
                          payouts_hash(covered) == intent.front().payouts_hash;
        if (!fits) {
            return settlement_altered(database_,
                                      fmt::format("the file is damaged: the payouts of intent {} are not "
                                                  "those for which it was made",
                                                  one.intent));
        }
    }
    return {};
}

Result<std::vector<PayoutState>> SqliteView::payouts(std::uint64_t first_epoch, std::uint64_t last_epoch) {
    IOSWARM_TRY(auto row, database_.prepare(kPayoutsOfEpochs));
    row.bind_u64(1, at_most_column(first_epoch)).bind_u64(2, at_most_column(last_epoch));
    std::vector<PayoutState> out;
    IOSWARM_DO(append_payout_states(row, out));
    return out;
}

Result<std::vector<PayoutState>> SqliteView::payouts_of(std::string_view agent_id,
                                                        std::span<const std::uint64_t> epochs) {
    IOSWARM_TRY(auto row, database_.prepare(kPayoutOfAgent));
    std::vector<PayoutState> out;
    for (const std::uint64_t epoch : epochs) {
        row.bind_u64(1, at_most_column(epoch)).bind_text(2, agent_id);
        IOSWARM_DO(append_payout_states(row, out));
    }
    return out;
}

std::string user_name(uid_t user) {
    const passwd* const entry =
        getpwuid(user);  // NOLINT(concurrency-mt-unsafe): named in an error, nothing more
    return entry != nullptr ? entry->pw_name : fmt::format("#{}", user);
}

/// Another user cannot open a database that has a WAL, not even for reading.
Status check_owner(const std::filesystem::path& file) {
    struct stat info {};
    if (stat(file.c_str(), &info) != 0) {
        if (errno == ENOENT) {
            return fail(ErrorCode::not_found, "cannot open the settlement file", file.string(), "there is none",
                        "run 'ioswarm settle init' first");
        }
        return fail(errno_error(errno, "cannot open the settlement file", file.string()));
    }
    const uid_t me = geteuid();
    if (me == 0 || me == info.st_uid) return {};
    const std::string owner = user_name(info.st_uid);
    return fail(ErrorCode::permission_denied, "cannot open the settlement file", file.string(),
                fmt::format("it belongs to user {}, and this is {}", owner, user_name(me)),
                fmt::format("run the command as that user: sudo -u {} ioswarm ...", owner));
}

}  // namespace

std::string payout_state(const PayoutState& payout) {
    if (payout.state != IntentState::final_ok) return to_string(payout.state);
    return payout.credited ? "credited" : "paid";
}

Result<std::unique_ptr<SettlementView>> SettlementView::open(const std::filesystem::path& dir) {
    const std::filesystem::path file = settlement_file(dir);
    IOSWARM_DO(check_owner(file));
    IOSWARM_TRY(auto database, sqlite::open_for_reading(file, kSettlementName));
    IOSWARM_DO(check_settlement_schema(database));
    return std::unique_ptr<SettlementView>(std::make_unique<SqliteView>(std::move(database)));
}

}  // namespace ioswarm::settlement
