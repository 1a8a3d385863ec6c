// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/schema.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/ledger/row_hash.hpp"
#include "core/ledger/shared_queries.hpp"
#include "core/sqlite/rows.hpp"

namespace ioswarm {
namespace {

// Amounts of rau are decimal text. A person can read them with sqlite3, and SQL does no arithmetic on them.
// `hash` and the like are those of row_hash.hpp. `numbers` has one row, LedgerNumbers. `answers` has no index
// on the key that must not be paid twice (raw_id, agent). Hashes are spread over a whole index, so each answer
// would write its own index pages, ten times the cost of the answer itself. The payroll keeps that key in
// memory, loads it from here at the start, and only one process at a time writes this file.
constexpr std::array kTables{
    std::string_view{"CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID"},
    std::string_view{
        "CREATE TABLE numbers(one INTEGER PRIMARY KEY CHECK(one = 1), last_height INTEGER NOT NULL, "
        "epoch INTEGER NOT NULL, epoch_first_height INTEGER NOT NULL, epoch_started_ms INTEGER NOT NULL, "
        "closed_tasks INTEGER NOT NULL, counted_answers INTEGER NOT NULL, compared INTEGER NOT NULL, matched "
        "INTEGER NOT NULL, "
        "false_positives INTEGER NOT NULL, false_negatives INTEGER NOT NULL, nonce_race_excluded INTEGER NOT "
        "NULL, "
        "state_race_excluded INTEGER NOT NULL, evm_gas_matches INTEGER NOT NULL, evm_gas_mismatches INTEGER "
        "NOT NULL, "
        "evm_state_matches INTEGER NOT NULL, evm_state_mismatches INTEGER NOT NULL, hash BLOB) STRICT"},
    std::string_view{
        "CREATE TABLE answers(id INTEGER PRIMARY KEY, raw_id BLOB NOT NULL, agent TEXT NOT NULL, action_hash "
        "BLOB, "
        "sender BLOB NOT NULL, valid INTEGER NOT NULL, has_reason INTEGER NOT NULL, executed INTEGER NOT NULL, "
        "own_word INTEGER NOT NULL, late_verdict INTEGER NOT NULL, latency_us INTEGER NOT NULL, "
        "known_height INTEGER NOT NULL, own_run INTEGER NOT NULL, receipt_too INTEGER NOT NULL, "
        "gas INTEGER NOT NULL, state INTEGER NOT NULL) STRICT"},
    std::string_view{"CREATE TABLE recent_blocks(height INTEGER PRIMARY KEY, actions BLOB NOT NULL, senders "
                     "BLOB NOT NULL) STRICT"},
    std::string_view{
        "CREATE TABLE work(agent TEXT PRIMARY KEY, tasks INTEGER NOT NULL, compared INTEGER NOT NULL, "
        "correct INTEGER NOT NULL, latency_us INTEGER NOT NULL) STRICT, WITHOUT ROWID"},
    std::string_view{
        "CREATE TABLE agents(agent TEXT PRIMARY KEY, wallet BLOB, next_wallet BLOB, tasks INTEGER NOT NULL, "
        "compared INTEGER NOT NULL, correct INTEGER NOT NULL, earned_rau TEXT NOT NULL, wallet_hash BLOB, "
        "next_wallet_hash BLOB) STRICT, WITHOUT ROWID"},
    std::string_view{"CREATE INDEX agents_next_wallet ON agents(agent) WHERE next_wallet IS NOT NULL"},
    std::string_view{
        "CREATE TABLE epochs(epoch INTEGER PRIMARY KEY, first_height INTEGER NOT NULL, last_height INTEGER NOT "
        "NULL, "
        "started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, reward_rau TEXT NOT NULL, cut_rau TEXT NOT "
        "NULL, "
        "pool_rau TEXT NOT NULL, agents INTEGER NOT NULL, tasks INTEGER NOT NULL, compared INTEGER NOT NULL, "
        "correct INTEGER NOT NULL, hash BLOB) STRICT"},
    std::string_view{
        "CREATE TABLE payouts(epoch INTEGER NOT NULL, agent TEXT NOT NULL, amount_rau TEXT NOT NULL, "
        "weight TEXT NOT NULL, tasks INTEGER NOT NULL, compared INTEGER NOT NULL, correct INTEGER NOT NULL, "
        "rank INTEGER NOT NULL, paid_agents INTEGER NOT NULL, bonus INTEGER NOT NULL, wallet BLOB, "
        "notice INTEGER NOT NULL, settled INTEGER, PRIMARY KEY(epoch, agent)) STRICT, WITHOUT ROWID"},
    std::string_view{"CREATE INDEX payouts_by_agent ON payouts(agent, epoch)"},
    std::string_view{"CREATE INDEX payouts_due ON payouts(agent, epoch) WHERE notice = 0"},
    std::string_view{"CREATE TABLE wallet_changes(id INTEGER PRIMARY KEY, agent TEXT NOT NULL, before BLOB, "
                     "after BLOB NOT NULL, "
                     "at_ms INTEGER NOT NULL, from_epoch INTEGER NOT NULL) STRICT"},
    std::string_view{"CREATE INDEX wallet_changes_by_agent ON wallet_changes(agent, id)"},
};

/// The positions of tables in kTables that were changed since version 1. Each index of a table follows it.
constexpr std::size_t kNumbersPlace = 1;
constexpr std::size_t kAnswersPlace = 2;
constexpr std::size_t kAgentsPlace = 5;
constexpr std::size_t kEpochsPlace = 7;
constexpr std::size_t kPayoutsPlace = 8;

// The texts that the changed tables had in earlier versions.
constexpr std::string_view kNumbersOfVersion2{
    "CREATE TABLE numbers(one INTEGER PRIMARY KEY CHECK(one = 1), last_height INTEGER NOT NULL, "
    "epoch INTEGER NOT NULL, epoch_first_height INTEGER NOT NULL, epoch_started_ms INTEGER NOT NULL, "
    "closed_tasks INTEGER NOT NULL, counted_answers INTEGER NOT NULL, compared INTEGER NOT NULL, matched "
    "INTEGER NOT NULL, "
    "false_positives INTEGER NOT NULL, false_negatives INTEGER NOT NULL, nonce_race_excluded INTEGER NOT "
    "NULL, "
    "state_race_excluded INTEGER NOT NULL, evm_gas_matches INTEGER NOT NULL, evm_gas_mismatches INTEGER "
    "NOT NULL, "
    "evm_state_matches INTEGER NOT NULL, evm_state_mismatches INTEGER NOT NULL) STRICT"};
constexpr std::string_view kAgentsOfVersion2{
    "CREATE TABLE agents(agent TEXT PRIMARY KEY, wallet BLOB, next_wallet BLOB, tasks INTEGER NOT NULL, "
    "compared INTEGER NOT NULL, correct INTEGER NOT NULL, earned_rau TEXT NOT NULL) STRICT, WITHOUT ROWID"};
constexpr std::string_view kEpochsOfVersion2{
    "CREATE TABLE epochs(epoch INTEGER PRIMARY KEY, first_height INTEGER NOT NULL, last_height INTEGER NOT "
    "NULL, "
    "started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, reward_rau TEXT NOT NULL, cut_rau TEXT NOT "
    "NULL, "
    "pool_rau TEXT NOT NULL, agents INTEGER NOT NULL, tasks INTEGER NOT NULL, compared INTEGER NOT NULL, "
    "correct INTEGER NOT NULL) STRICT"};
constexpr std::string_view kPayoutsOfVersion2{
    "CREATE TABLE payouts(epoch INTEGER NOT NULL, agent TEXT NOT NULL, amount_rau TEXT NOT NULL, "
    "weight TEXT NOT NULL, tasks INTEGER NOT NULL, compared INTEGER NOT NULL, correct INTEGER NOT NULL, "
    "rank INTEGER NOT NULL, paid_agents INTEGER NOT NULL, bonus INTEGER NOT NULL, wallet BLOB, "
    "notice INTEGER NOT NULL, PRIMARY KEY(epoch, agent)) STRICT, WITHOUT ROWID"};
constexpr std::string_view kNumbersOfVersion1{
    "CREATE TABLE numbers(one INTEGER PRIMARY KEY CHECK(one = 1), last_height INTEGER NOT NULL, "
    "epoch INTEGER NOT NULL, epoch_first_height INTEGER NOT NULL, epoch_started_ms INTEGER NOT NULL, "
    "closed_tasks INTEGER NOT NULL, counted_answers INTEGER NOT NULL, compared INTEGER NOT NULL, matched "
    "INTEGER NOT NULL, "
    "false_positives INTEGER NOT NULL, false_negatives INTEGER NOT NULL, nonce_race_excluded INTEGER NOT "
    "NULL) "
    "STRICT"};
constexpr std::string_view kAnswersOfVersion1{
    "CREATE TABLE answers(id INTEGER PRIMARY KEY, raw_id BLOB NOT NULL, agent TEXT NOT NULL, action_hash "
    "BLOB, "
    "sender BLOB NOT NULL, valid INTEGER NOT NULL, has_reason INTEGER NOT NULL, executed INTEGER NOT NULL, "
    "own_word INTEGER NOT NULL, late_verdict INTEGER NOT NULL, latency_us INTEGER NOT NULL) STRICT"};

std::vector<std::string_view> tables_of(std::int64_t version) {
    std::vector<std::string_view> out(kTables.begin(), kTables.end());
    if (version <= 2) {
        out[kNumbersPlace] = kNumbersOfVersion2;
        out[kAgentsPlace] = kAgentsOfVersion2;
        out[kEpochsPlace] = kEpochsOfVersion2;
        out[kPayoutsPlace] = kPayoutsOfVersion2;
    }
    if (version == 1) {
        out[kNumbersPlace] = kNumbersOfVersion1;
        out[kAnswersPlace] = kAnswersOfVersion1;
    }
    return out;
}

/// Runs `sql` as one transaction.
Status in_transaction(sqlite::Database& database, const std::string& sql) {
    Status status = database.execute("BEGIN IMMEDIATE; " + sql + "COMMIT");
    if (!status && database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
    return status;
}

/// As SQL writes it.
std::string blob_text(const Hash256& hash) {
    return fmt::format("x'{}'", to_hex(hash.view()));
}

Status create(sqlite::Database& database, std::int64_t now_ms) {
    std::string sql = fmt::format("PRAGMA application_id = {};", kLedgerApplicationId);
    for (const std::string_view table : kTables)
        sql += fmt::format("{};", table);
    sql += fmt::format(
        "INSERT INTO meta VALUES('schema_version', {}), ('created_ms', {}), ('next_id', 1), ('probes', 0), "
        "('hashed_from_epoch', 0);"
        "INSERT INTO numbers VALUES(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {});",
        kLedgerSchemaVersion, now_ms, blob_text(numbers_hash({})));
    return in_transaction(database, sql);
}

/// Makes a table again in the form of version `to`, with its old rows and `added` at the end of each. Then
/// makes its `indexes` again, which follow it in kTables. `ALTER TABLE ADD COLUMN` would not do: the table text
/// that it leaves in the file depends on the version of SQLite, and check_tables() would not recognise it.
std::string remake(std::int64_t to, std::size_t place, std::string_view name, std::string_view added,
                   std::size_t indexes = 0) {
    const std::vector<std::string_view> tables = tables_of(to);
    std::string out = fmt::format(
        "ALTER TABLE {0} RENAME TO old_{0}; {1}; INSERT INTO {0} SELECT *, {2} FROM old_{0}; DROP TABLE "
        "old_{0}; ",
        name, tables[place], added);
    for (std::size_t i = 1; i <= indexes; ++i)
        out += fmt::format("{}; ", tables[place + i]);
    return out;
}

/// Version 2 compares answers with our own runs. For each answer it also stores the newest block that was known
/// when the answer arrived.
Status migrate_1_to_2(sqlite::Database& database) {
    return in_transaction(database, remake(2, kNumbersPlace, "numbers", "0, 0, 0, 0, 0") +
                                        remake(2, kAnswersPlace, "answers", "0, 0, 0, 0, 0") +
                                        "UPDATE meta SET value = 2 WHERE key = 'schema_version'; ");
}

/// The wallets of agents and the numbers get the hashes of what they are now.
Status add_first_hashes(sqlite::Database& database) {
    IOSWARM_TRY(auto agents, database.prepare("SELECT agent, wallet, next_wallet FROM agents"));
    IOSWARM_TRY(auto set,
                database.prepare("UPDATE agents SET wallet_hash = ?2, next_wallet_hash = ?3 WHERE agent "
                                 "= ?1"));
    // Collected first, since a table must not be changed while it is read.
    std::vector<AgentRow> named;
    IOSWARM_DO(sqlite::for_each_row(agents, [&]() -> Status {
        AgentRow agent;
        agent.agent_id = agents.text(0);
        IOSWARM_TRY(agent.wallet, optional_address(agents, 1));
        IOSWARM_TRY(agent.next_wallet, optional_address(agents, 2));
        if (agent.wallet || agent.next_wallet) named.push_back(std::move(agent));
        return {};
    }));
    for (const AgentRow& agent : named) {
        const auto hash = wallet_hash(agent.agent_id, agent.wallet);
        const auto next_hash = wallet_hash(agent.agent_id, agent.next_wallet);
        set.bind_text(1, agent.agent_id);
        bind_optional(set, 2, hash);
        bind_optional(set, 3, next_hash);
        IOSWARM_DO(set.run());
    }
    IOSWARM_TRY(auto query, database.prepare(kNumbersQuery));
    IOSWARM_TRY(const auto numbers, read_numbers_unchecked(query, database.file()));
    return database.execute(fmt::format("UPDATE numbers SET hash = {}", blob_text(numbers_hash(numbers))));
}

/// Version 3 keeps hashes of what it owes. Epochs that are closed already get none: nobody knows whether they
/// are still what they were.
Status migrate_2_to_3(sqlite::Database& database) {
    IOSWARM_DO(database.execute("BEGIN IMMEDIATE"));
    Status status = database.execute(
        remake(3, kNumbersPlace, "numbers", "NULL") + remake(3, kAgentsPlace, "agents", "NULL, NULL", 1) +
        remake(3, kEpochsPlace, "epochs", "NULL") + remake(3, kPayoutsPlace, "payouts", "NULL", 2) +
        "INSERT INTO meta SELECT 'hashed_from_epoch', epoch FROM numbers; "
        "UPDATE meta SET value = 3 WHERE key = 'schema_version'");
    if (status) status = add_first_hashes(database);
    if (status) status = database.execute("COMMIT");
    if (!status && database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
    return status;
}

/// Moves the file from version `from` to the next one.
Status migrate_one(sqlite::Database& database, std::int64_t from) {
    if (from == 1) return migrate_1_to_2(database);
    if (from == 2) return migrate_2_to_3(database);
    return fail(ErrorCode::failed_precondition, "cannot open the ledger", database.file(),
                fmt::format("version {} cannot be moved to {}", from, kLedgerSchemaVersion));
}

Error altered(const sqlite::Database& database, std::string why) {
    return {ErrorCode::data_loss, "cannot open the ledger", database.file(), std::move(why),
            "stop, keep a copy of the file, and restore a backup"};
}

/// Compares the tables in any order, because a migration makes tables again.
Status check_tables(sqlite::Database& database, std::int64_t version) {
    IOSWARM_TRY(auto found, database.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"));
    const std::vector<std::string_view> tables = tables_of(version);
    std::vector<std::string> wanted(tables.begin(), tables.end());
    for (;;) {
        IOSWARM_TRY(const auto row, found.step());
        if (!row) break;
        if (std::erase(wanted, found.text(0)) == 0)
            return fail(altered(database, "its tables are not those of version " + std::to_string(version)));
    }
    if (!wanted.empty()) return fail(altered(database, "a table is missing"));
    return {};
}

}  // namespace

Status configure_writer(sqlite::Database& database) {
    // No mmap, because a read error would raise SIGBUS. The WAL is cut back after a burst, so that it does not
    // stay large.
    return database.execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0;"
        "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
        "PRAGMA journal_size_limit = 16777216");
}

Result<bool> is_without_tables(sqlite::Database& database) {
    IOSWARM_TRY(const auto tables, database.query_integer("SELECT count(*) FROM sqlite_master"));
    IOSWARM_TRY(const auto id, database.query_integer("PRAGMA application_id"));
    return tables.value_or(0) == 0 && id.value_or(0) == 0;
}

namespace {

/// The version of a ledger that this program can read. Errors are those of prepare_schema().
Result<std::int64_t> known_version(sqlite::Database& database) {
    IOSWARM_TRY(const auto id, database.query_integer("PRAGMA application_id"));
    if (id.value_or(0) != kLedgerApplicationId) return fail(altered(database, "it is not a ledger of ioswarm"));
    IOSWARM_TRY(const auto version,
                database.query_integer("SELECT value FROM meta WHERE key = 'schema_version'"));
    if (!version) return fail(altered(database, "it has no version"));
    if (*version > kLedgerSchemaVersion) {
        return fail(ErrorCode::failed_precondition, "cannot open the ledger", database.file(),
                    fmt::format("it was written by a newer ioswarm (version {}, this one knows {})", *version,
                                kLedgerSchemaVersion),
                    "install the newer ioswarm again");
    }
    return *version;
}

}  // namespace

Status prepare_schema(sqlite::Database& database, std::int64_t now_ms) {
    IOSWARM_TRY(const auto empty, is_without_tables(database));
    if (empty) return create(database, now_ms);
    IOSWARM_TRY(const auto version, known_version(database));
    for (std::int64_t at = version; at < kLedgerSchemaVersion; ++at) {
        // Check first, so that an altered file is not changed.
        IOSWARM_DO(at > 0 ? check_tables(database, at) : Status());
        IOSWARM_DO(migrate_one(database, at));
    }
    return check_tables(database, kLedgerSchemaVersion);
}

Status check_schema(sqlite::Database& database) {
    IOSWARM_TRY(const auto version, known_version(database));
    if (version < kLedgerSchemaVersion) {
        return fail(ErrorCode::failed_precondition, "cannot read the ledger", database.file(),
                    fmt::format("it is of version {}, and is moved to version {} when serve opens it", version,
                                kLedgerSchemaVersion),
                    "start this version's 'ioswarm serve', or restart it");
    }
    return check_tables(database, kLedgerSchemaVersion);
}

}  // namespace ioswarm
