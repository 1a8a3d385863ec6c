// SPDX-License-Identifier: Apache-2.0
#include "settlement/schema.hpp"

#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/sqlite/table_texts.hpp"
#include "settlement/file_check.hpp"

namespace ioswarm::settlement {
namespace {

// Amounts of rau are decimal text, so that a person can read them with sqlite3. SQL never calculates with them.
// `meta` has one row. `cover` prevents paying twice: it contains a payout as long as an intent that is not
// reverted or cancelled covers it. `covered` keeps for good what each intent covers or covered. `paid_order`
// numbers the paid payouts in the order in which they became final. `spend` has one row per signed intent;
// `day` is the UTC day of its first signature, in days since 1970. The triggers enforce the program's rules a
// second time. A bug, or a person who edits the file, then causes an error and not a second payment.
constexpr std::array kSettlementTables{
    std::string_view{
        "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK(one = 1), schema_version INTEGER NOT NULL, "
        "chain_id INTEGER NOT NULL, contract BLOB NOT NULL, pool TEXT NOT NULL, wallet BLOB NOT NULL, "
        "first_nonce INTEGER NOT NULL, first_epoch INTEGER NOT NULL, pool_from_block INTEGER NOT NULL, "
        "created_ms INTEGER NOT NULL, halt TEXT NOT NULL, halt_detail TEXT NOT NULL, halt_ms INTEGER NOT NULL, "
        "resumed_behind INTEGER NOT NULL, foreign_nonces INTEGER NOT NULL, hold TEXT NOT NULL, hold_detail "
        "TEXT NOT NULL, "
        "hold_ms INTEGER NOT NULL, paid_intents INTEGER NOT NULL, reverted_intents INTEGER NOT NULL, "
        "paid_payouts INTEGER NOT NULL, paid_rau TEXT NOT NULL, gas_rau TEXT NOT NULL) STRICT"},
    std::string_view{
        "CREATE TABLE intent(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, settlement INTEGER NOT NULL, "
        "pool_epoch INTEGER NOT NULL, first_epoch INTEGER NOT NULL, last_epoch INTEGER NOT NULL, "
        "key BLOB NOT NULL UNIQUE, nonce INTEGER UNIQUE, receiver BLOB NOT NULL, value_rau TEXT NOT NULL, "
        "gas_limit INTEGER NOT NULL, payouts_hash BLOB NOT NULL, state TEXT NOT NULL, "
        "created_ms INTEGER NOT NULL, hash BLOB, block INTEGER NOT NULL, gas_used INTEGER NOT NULL, "
        "gas_price TEXT NOT NULL, final_ms INTEGER NOT NULL, reason TEXT NOT NULL, data BLOB NOT NULL) STRICT"},
    std::string_view{"CREATE INDEX intent_live ON intent(id) WHERE state NOT IN ('final_ok', 'final_reverted', "
                     "'cancelled')"},
    std::string_view{"CREATE INDEX intent_reverted ON intent(id) WHERE state = 'final_reverted'"},
    std::string_view{"CREATE TABLE cover(epoch INTEGER NOT NULL, agent TEXT NOT NULL, intent INTEGER NOT NULL "
                     "REFERENCES intent(id), PRIMARY KEY(epoch, agent)) STRICT, WITHOUT ROWID"},
    std::string_view{
        "CREATE TABLE covered(intent INTEGER NOT NULL REFERENCES intent(id), epoch INTEGER NOT NULL, "
        "agent TEXT NOT NULL, wallet BLOB NOT NULL, amount_rau TEXT NOT NULL, paid_order INTEGER, "
        "PRIMARY KEY(intent, epoch, agent)) STRICT, WITHOUT ROWID"},
    std::string_view{"CREATE UNIQUE INDEX covered_paid ON covered(paid_order) WHERE paid_order IS NOT NULL"},
    std::string_view{
        "CREATE TABLE attempt(intent INTEGER NOT NULL REFERENCES intent(id), number INTEGER NOT NULL, "
        "kind TEXT NOT NULL, gas_price TEXT NOT NULL, gas_limit INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, "
        "from_block INTEGER NOT NULL, signed_ms INTEGER NOT NULL, sends INTEGER NOT NULL, "
        "sent_block INTEGER NOT NULL, answer TEXT NOT NULL, raw BLOB NOT NULL, PRIMARY KEY(intent, number)) "
        "STRICT, WITHOUT ROWID"},
    std::string_view{
        "CREATE TABLE obs(intent INTEGER NOT NULL REFERENCES intent(id), endpoint TEXT NOT NULL, "
        "hash BLOB NOT NULL, block INTEGER NOT NULL, block_hash BLOB NOT NULL, status INTEGER NOT NULL, "
        "at_ms INTEGER NOT NULL, PRIMARY KEY(intent, endpoint)) STRICT, WITHOUT ROWID"},
    std::string_view{
        "CREATE TABLE spend(intent INTEGER PRIMARY KEY REFERENCES intent(id), day INTEGER NOT NULL, "
        "value_rau TEXT NOT NULL, gas_rau TEXT NOT NULL) STRICT"},
    std::string_view{"CREATE INDEX spend_by_day ON spend(day)"},
    std::string_view{
        "CREATE TABLE refused(intent INTEGER NOT NULL REFERENCES intent(id), wallet BLOB NOT NULL, "
        "PRIMARY KEY(intent, wallet)) STRICT, WITHOUT ROWID"},
    std::string_view{"CREATE TRIGGER intent_keeps_nonce BEFORE UPDATE OF nonce ON intent "
                     "WHEN old.nonce IS NOT NULL AND new.nonce IS NOT old.nonce "
                     "BEGIN SELECT raise(ABORT, 'an intent keeps its nonce'); END"},
    std::string_view{
        "CREATE TRIGGER intent_keeps_work BEFORE UPDATE OF kind, key, receiver, value_rau, gas_limit, "
        "payouts_hash, data ON intent BEGIN SELECT raise(ABORT, 'what an intent does is fixed'); END"},
    std::string_view{"CREATE TRIGGER intent_stays_final BEFORE UPDATE ON intent "
                     "WHEN old.state IN ('final_ok', 'final_reverted', 'cancelled') "
                     "BEGIN SELECT raise(ABORT, 'the intent is final'); END"},
    std::string_view{
        "CREATE TRIGGER cover_stays_until_end BEFORE DELETE ON cover "
        "WHEN (SELECT state FROM intent WHERE id = old.intent) NOT IN ('final_reverted', 'cancelled') "
        "BEGIN SELECT raise(ABORT, 'the payout is covered'); END"},
    std::string_view{"CREATE TRIGGER cover_keeps_intent BEFORE UPDATE ON cover "
                     "BEGIN SELECT raise(ABORT, 'the payout is covered'); END"},
};

}  // namespace

tl::unexpected<Error> settlement_altered(const sqlite::Database& database, std::string why) {
    return fail(ErrorCode::data_loss, "cannot open the settlement file", database.file(), std::move(why),
                kHowToReplaceFile);
}

std::filesystem::path settlement_file(const std::filesystem::path& dir) {
    return dir / "settlement.db";
}

std::filesystem::path settlement_lock_file(const std::filesystem::path& dir) {
    return dir / "settlement.lock";
}

Status create_settlement_schema(sqlite::Database& database, const SettlementIdentity& identity) {
    std::string sql = fmt::format("PRAGMA application_id = {};", kSettlementApplicationId);
    for (const std::string_view table : kSettlementTables)
        sql += fmt::format("{};", table);
    sql += fmt::format(
        "INSERT INTO meta VALUES(1, {}, {}, x'{}', '{}', x'{}', {}, {}, {}, {}, 'none', '', 0, 0, 0, 'none', "
        "'', 0, 0, 0, 0, '0', '0')",
        kSettlementSchemaVersion, identity.chain_id, to_hex(identity.contract.view()), to_string(identity.pool),
        to_hex(identity.wallet.view()), identity.first_nonce, identity.first_epoch, identity.pool_from_block,
        identity.created_ms);
    sql += fmt::format("; PRAGMA user_version = {}", identity_checksum(identity));
    return database.execute(sql);
}

Status check_settlement_schema(sqlite::Database& database) {
    IOSWARM_TRY(const auto empty, sqlite::is_without_tables(database));
    if (empty) {
        // An init that was cut off leaves at most one page. A longer file lost its tables.
        IOSWARM_TRY(const auto pages, database.query_integer("PRAGMA page_count"));
        if (pages.value_or(0) > 1) return settlement_altered(database, "the file is damaged: it has no tables");
        return fail(ErrorCode::not_found, "cannot open the settlement file", database.file(),
                    "it is empty: 'ioswarm settle init' was cut off", "run 'ioswarm settle init' again");
    }
    IOSWARM_TRY(const auto id, database.query_integer("PRAGMA application_id"));
    if (id.value_or(0) != kSettlementApplicationId)
        return settlement_altered(database, "it is not a settlement file of ioswarm");
    IOSWARM_TRY(const auto version, database.query_integer("SELECT schema_version FROM meta"));
    if (version.value_or(0) > kSettlementSchemaVersion) {
        return fail(ErrorCode::failed_precondition, "cannot open the settlement file", database.file(),
                    fmt::format("it was written by a newer ioswarm (version {}, this one knows {})", *version,
                                kSettlementSchemaVersion),
                    "install the newer ioswarm again");
    }
    IOSWARM_TRY(const auto same, sqlite::has_table_texts(database, kSettlementTables));
    if (!same) {
        return settlement_altered(
            database, fmt::format("its tables are not those of version {}", kSettlementSchemaVersion));
    }
    return {};
}

}  // namespace ioswarm::settlement
