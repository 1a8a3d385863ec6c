// SPDX-License-Identifier: Apache-2.0
// The part of SqliteStore that reads, and that stores the halt and the hold.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/sqlite/rows.hpp"
#include "settlement/sqlite_store.hpp"
#include "settlement/store_rows.hpp"

namespace ioswarm::settlement {

Result<std::optional<IntentRow>> SqliteStore::live_intent() {
    return read_live_intent(database_);
}

Result<std::optional<IntentRow>> SqliteStore::intent(std::uint64_t id) {
    IOSWARM_TRY(auto rows, read_intents(database_, id, 1));
    if (rows.empty() || rows.front().id != id) return std::optional<IntentRow>();
    return std::optional<IntentRow>(std::move(rows.front()));
}

Result<std::optional<IntentRow>> SqliteStore::intent_with_nonce(std::uint64_t nonce) {
    IOSWARM_TRY(auto row, database_.prepare("SELECT id FROM intent WHERE nonce = ?1"));
    row.bind_u64(1, at_most_column(nonce));
    IOSWARM_TRY(const bool found, row.step());
    if (!found) return std::optional<IntentRow>();
    return intent(row.u64(0));
}

Result<std::uint64_t> SqliteStore::newest_intent() {
    IOSWARM_TRY(const auto newest, database_.query_integer("SELECT max(id) FROM intent"));
    return static_cast<std::uint64_t>(newest.value_or(0));
}

Result<std::vector<IntentRow>> SqliteStore::intents(std::uint64_t first_id, std::size_t limit) {
    return read_intents(database_, first_id, limit);
}

Result<std::vector<AttemptRow>> SqliteStore::attempts(std::uint64_t intent) {
    return read_attempts(database_, intent);
}

Result<std::vector<ObservationRow>> SqliteStore::observations(std::uint64_t intent) {
    IOSWARM_TRY(auto row, database_.prepare("SELECT intent, endpoint, hash, block, block_hash, status, at_ms "
                                            "FROM obs WHERE intent = ?1 ORDER BY endpoint"));
    row.bind_u64(1, intent);
    std::vector<ObservationRow> out;
    Status status = sqlite::for_each_row(row, [&]() -> Status {
        IOSWARM_TRY(const auto hash, row.fixed<Hash256>(2));
        IOSWARM_TRY(const auto block_hash, row.fixed<Hash256>(4));
        out.push_back({row.u64(0), row.text(1), hash, row.u64(3), block_hash, row.u64(5), row.integer(6)});
        return {};
    });
    if (!status) return fail(std::move(status).error());
    return out;
}

Result<std::vector<CoveredPayout>> SqliteStore::payouts_of(std::uint64_t intent) {
    return read_covered(database_, intent);
}

Result<std::set<std::pair<std::uint64_t, std::string>>> SqliteStore::covered(std::uint64_t first_epoch) {
    IOSWARM_TRY(auto row, database_.prepare("SELECT epoch, agent FROM cover WHERE epoch >= ?1"));
    row.bind_u64(1, at_most_column(first_epoch));
    std::set<std::pair<std::uint64_t, std::string>> out;
    Status status = sqlite::for_each_row(row, [&]() -> Status {
        out.emplace(row.u64(0), row.text(1));
        return {};
    });
    if (!status) return fail(std::move(status).error());
    return out;
}

Result<std::set<Address>> SqliteStore::push_failed() {
    IOSWARM_TRY(auto row, database_.prepare("SELECT DISTINCT wallet FROM refused"));
    std::set<Address> out;
    Status status = sqlite::for_each_row(row, [&]() -> Status {
        IOSWARM_TRY(const auto wallet, row.fixed<Address>(0));
        out.insert(wallet);
        return {};
    });
    if (!status) return fail(std::move(status).error());
    return out;
}

Result<SettlementStore::Reverts> SqliteStore::reverts_of_unpaid() {
    // Weights cover no payouts themselves. If they fail, the value step after them fails with them.
    IOSWARM_TRY(
        auto row,
        database_.prepare(
            "SELECT count(*), sum(i.gas_used >= i.gas_limit) FROM intent i "
            "JOIN covered c ON c.intent = CASE i.kind WHEN 'weights' THEN i.id + 1 ELSE i.id END "
            "LEFT JOIN cover v ON v.epoch = c.epoch AND v.agent = c.agent LEFT JOIN intent p "
            "ON p.id = v.intent WHERE i.state = 'final_reverted' AND i.id > (SELECT resumed_behind FROM meta) "
            "AND coalesce(p.state, '') <> 'final_ok' GROUP BY c.epoch, c.agent ORDER BY 1 DESC LIMIT 1"));
    IOSWARM_TRY(const auto found, row.step());
    if (!found) return Reverts{};
    return Reverts{row.u64(0), row.u64(1)};
}

Result<Halt> SqliteStore::halt() {
    return read_halt(database_);
}

Status SqliteStore::set_halt(const Halt& halt) {
    return at_once([&]() -> Status {
        if (halt.reason == HaltReason::none) {
            IOSWARM_DO(note_resumed(halt));
        }
        // A clock that was set back must not make a halt older than what was signed before it: the audit would
        // take that for a signature after the halt.
        return run(
            "UPDATE meta SET halt = ?1, halt_detail = ?2, halt_ms = CASE WHEN ?1 = 'none' THEN ?3 ELSE "
            "max(?3, (SELECT coalesce(max(signed_ms), 0) FROM attempt)) END",
            [&](sqlite::Statement& row) {
                row.bind_text(1, to_string(halt.reason)).bind_text(2, halt.detail).bind(3, halt.at_ms);
            });
    });
}

/// Failures before an operator resumed are not counted any more, and nonces that others used are given up.
Status SqliteStore::note_resumed(const Halt& halt) {
    std::uint64_t lost = 0;
    if (halt.free_nonce) {
        IOSWARM_TRY(const auto next, next_nonce());
        if (*halt.free_nonce > next) lost = *halt.free_nonce - next;
    }
    return run(
        "UPDATE meta SET resumed_behind = (SELECT coalesce(max(id), 0) FROM intent), "
        "foreign_nonces = foreign_nonces + ?1",
        [&](sqlite::Statement& row) { row.bind_u64(1, lost); });
}

Status SqliteStore::set_hold(const Hold& hold, std::int64_t now_ms) {
    IOSWARM_TRY(const auto stored, read_hold(database_));
    if (stored.hold.reason == hold.reason && stored.hold.detail == hold.detail) return {};
    return run("UPDATE meta SET hold = ?1, hold_detail = ?2, hold_ms = ?3", [&](sqlite::Statement& row) {
        row.bind_text(1, to_string(hold.reason)).bind_text(2, hold.detail).bind(3, now_ms);
    });
}

Result<IntentRow> SqliteStore::intent_in(std::uint64_t id, std::initializer_list<IntentState> states,
                                         const char* what) {
    IOSWARM_TRY(auto row, intent(id));
    if (!row) return fail(ErrorCode::failed_precondition, what, fmt::format("intent {}", id), "there is none");
    if (std::find(states.begin(), states.end(), row->state) == states.end()) {
        return fail(ErrorCode::failed_precondition, what, fmt::format("intent {}", id),
                    fmt::format("it is {}", to_string(row->state)));
    }
    return std::move(*row);
}

Status SqliteStore::set_state(std::uint64_t id, IntentState state) {
    return run("UPDATE intent SET state = ?2 WHERE id = ?1",
               [&](sqlite::Statement& row) { row.bind_u64(1, id).bind_text(2, to_string(state)); });
}

}  // namespace ioswarm::settlement
