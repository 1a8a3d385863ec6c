// SPDX-License-Identifier: Apache-2.0
#include "settlement/store_rows.hpp"
#include "core/base/try.hpp"
#include "core/sqlite/rows.hpp"

#include <string>
#include <utility>

namespace ioswarm::settlement {
namespace {

using sqlite::Statement;

template <typename Fixed>
Status take_fixed(const Statement& row, int column, Fixed& out) {
    IOSWARM_TRY(out, row.fixed<Fixed>(column));
    return {};
}

template <typename Fixed>
Status take_fixed(const Statement& row, int column, std::optional<Fixed>& out) {
    if (row.is_null(column)) return {};
    Fixed value;
    IOSWARM_DO(take_fixed(row, column, value));
    out = value;
    return {};
}

Status take_amount(const Statement& row, int column, U256& out) {
    IOSWARM_TRY(out, row.amount(column));
    return {};
}

template <typename Enum>
Status take_enum(const Statement& row, int column, Enum last, Enum& out) {
    IOSWARM_TRY(out, enum_of(row.text(column), last));
    return {};
}

/// Returns the first failed status, or success.
template <typename... Statuses>
Status first_failure(Statuses&&... statuses) {
    Status out;
    ((out&& !statuses ? out = std::forward<Statuses>(statuses) : out), ...);
    return out;
}

tl::unexpected<Error> no_meta(const sqlite::Database& database) {
    return fail(ErrorCode::data_loss, "cannot read the settlement file", database.file(),
                "its table meta has no row",
                "stop, keep a copy of the file, and restore it with 'ioswarm settle init --rebuild'");
}

}  // namespace

Result<IntentRow> read_intent(const Statement& row) {
    IntentRow out;
    out.id = row.u64(0);
    out.settlement = row.u64(2);
    out.pool_epoch = row.u64(3);
    out.first_epoch = row.u64(4);
    out.last_epoch = row.u64(5);
    if (!row.is_null(7)) out.nonce = row.u64(7);
    out.data = to_bytes(row.blob(10));
    out.gas_limit = row.u64(11);
    out.created_ms = row.integer(14);
    out.block = row.u64(16);
    out.gas_used = row.u64(17);
    out.final_ms = row.integer(19);
    out.reason = row.text(20);
    IOSWARM_DO(first_failure(take_enum(row, 1, IntentKind::value, out.kind), take_fixed(row, 6, out.key),
                             take_fixed(row, 8, out.to), take_amount(row, 9, out.value_rau),
                             take_fixed(row, 12, out.payouts_hash),
                             take_enum(row, 13, IntentState::cancelled, out.state),
                             take_fixed(row, 15, out.hash), take_amount(row, 18, out.gas_price)));
    return out;
}

Result<SettlementIdentity> read_identity(sqlite::Database& database) {
    IOSWARM_TRY(
        auto row,
        database.prepare(
            "SELECT chain_id, contract, pool, wallet, first_nonce, first_epoch, pool_from_block, created_ms "
            "FROM meta"));
    IOSWARM_TRY(const auto found, row.step());
    if (!found) return no_meta(database);
    SettlementIdentity out;
    out.chain_id = row.u64(0);
    out.first_nonce = row.u64(4);
    out.first_epoch = row.u64(5);
    out.pool_from_block = row.u64(6);
    out.created_ms = row.integer(7);
    IOSWARM_DO(first_failure(take_fixed(row, 1, out.contract), take_enum(row, 2, PoolVersion::v3, out.pool),
                             take_fixed(row, 3, out.wallet)));
    return out;
}

Result<Halt> read_halt(sqlite::Database& database) {
    IOSWARM_TRY(auto row, database.prepare("SELECT halt, halt_detail, halt_ms FROM meta"));
    IOSWARM_TRY(const auto found, row.step());
    if (!found) return no_meta(database);
    Halt out{HaltReason::none, row.text(1), row.integer(2)};
    IOSWARM_DO(take_enum(row, 0, HaltReason::audit_failed, out.reason));
    return out;
}

Result<StoredHold> read_hold(sqlite::Database& database) {
    IOSWARM_TRY(auto row, database.prepare("SELECT hold, hold_detail, hold_ms FROM meta"));
    IOSWARM_TRY(const auto found, row.step());
    if (!found) return no_meta(database);
    StoredHold out{{HoldReason::none, row.text(1)}, row.integer(2)};
    IOSWARM_DO(take_enum(row, 0, HoldReason::endpoint, out.hold.reason));
    return out;
}

Result<std::optional<IntentRow>> read_live_intent(sqlite::Database& database) {
    IOSWARM_TRY(auto row,
                database.prepare(std::string("SELECT ") + kIntentColumns +
                                 " FROM intent WHERE state NOT IN ('final_ok', 'final_reverted', 'cancelled') "
                                 "ORDER BY id LIMIT 1"));
    IOSWARM_TRY(const auto found, row.step());
    if (!found) return std::optional<IntentRow>();
    IOSWARM_TRY(auto intent, read_intent(row));
    return std::optional<IntentRow>(std::move(intent));
}

Result<std::vector<IntentRow>> read_intents(sqlite::Database& database, std::uint64_t first_id,
                                            std::size_t limit) {
    IOSWARM_TRY(auto row, database.prepare(std::string("SELECT ") + kIntentColumns +
                                           " FROM intent WHERE id >= ?1 ORDER BY id LIMIT ?2"));
    row.bind_u64(1, at_most_column(first_id)).bind_u64(2, at_most_column(limit));
    std::vector<IntentRow> out;
    Status status = sqlite::for_each_row(row, [&]() -> Status {
        IOSWARM_TRY(auto intent, read_intent(row));
        out.push_back(std::move(intent));
        return {};
    });
    if (!status) return fail(std::move(status).error());
    return out;
}

Result<std::vector<AttemptRow>> read_attempts(sqlite::Database& database, std::uint64_t intent) {
    IOSWARM_TRY(
        auto row,
        database.prepare(
            "SELECT intent, number, kind, gas_price, gas_limit, raw, hash, from_block, signed_ms, sends, "
            "sent_block, "
            "answer FROM attempt WHERE intent = ?1 ORDER BY number"));
    row.bind_u64(1, intent);
    std::vector<AttemptRow> out;
    Status status = sqlite::for_each_row(row, [&]() -> Status {
        AttemptRow one;
        one.intent = row.u64(0);
        one.number = row.u64(1);
        one.gas_limit = row.u64(4);
        one.raw = to_bytes(row.blob(5));
        one.from_block = row.u64(7);
        one.signed_ms = row.integer(8);
        one.sends = row.u64(9);
        one.sent_block = row.u64(10);
        one.answer = row.text(11);
        Status read = first_failure(take_enum(row, 2, AttemptKind::noop, one.kind),
                                    take_amount(row, 3, one.gas_price), take_fixed(row, 6, one.hash));
        if (read) out.push_back(std::move(one));
        return read;
    });
    if (!status) return fail(std::move(status).error());
    return out;
}

Result<std::vector<CoveredPayout>> read_covered(sqlite::Database& database, std::uint64_t intent) {
    IOSWARM_TRY(
        auto row,
        database.prepare(
            "SELECT epoch, agent, wallet, amount_rau FROM covered WHERE intent = ?1 ORDER BY epoch, agent"));
    row.bind_u64(1, intent);
    std::vector<CoveredPayout> out;
    Status status = sqlite::for_each_row(row, [&]() -> Status {
        IOSWARM_TRY(const auto wallet, row.fixed<Address>(2));
        IOSWARM_TRY(const auto amount, row.amount(3));
        out.push_back({row.u64(0), row.text(1), wallet, amount});
        return {};
    });
    if (!status) return fail(std::move(status).error());
    return out;
}

}  // namespace ioswarm::settlement
