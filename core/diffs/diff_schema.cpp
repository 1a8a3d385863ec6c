// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_schema.hpp"

#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/diffs/diff_file.hpp"

namespace ioswarm {
namespace {

// Small columns come before the record, so that they are read without the record's pages. `log` has one row:
// the lowest stored height, or the height at which an empty log must begin (0: anywhere), and the chain value
// of the row before it. `chain` has no row until the chain is known. Then it has one: the EVM chain id and the
// node's chain id, as in ChainIdentity.
constexpr std::array kTables{
    std::string_view{
        "CREATE TABLE diffs(height INTEGER PRIMARY KEY, digest BLOB NOT NULL, chain BLOB NOT NULL, "
        "size INTEGER NOT NULL, codec INTEGER NOT NULL, record BLOB NOT NULL) STRICT"},
    std::string_view{"CREATE TABLE log(one INTEGER PRIMARY KEY CHECK(one = 1), floor INTEGER NOT NULL, "
                     "base_chain BLOB NOT NULL) STRICT"},
    std::string_view{
        "CREATE TABLE chain(one INTEGER PRIMARY KEY CHECK(one = 1), evm INTEGER NOT NULL, node INTEGER) "
        "STRICT"},
};

/// The number of tables, from the start of kTables, that a log of this version has.
std::size_t tables_of(std::int64_t version) {
    return version >= 2 ? kTables.size() : kTables.size() - 1;
}

Error cannot_open(ErrorCode code, std::string file, std::string why, std::string hint) {
    return {code, "cannot open the diff log", std::move(file), std::move(why), std::move(hint)};
}

/// True: it is our file. False: the file is empty. Otherwise an error.
Result<bool> is_ours(sqlite::Database& database) {
    IOSWARM_TRY(const auto tables, database.query_integer("SELECT count(*) FROM sqlite_master"));
    IOSWARM_TRY(const auto id, database.query_integer("PRAGMA application_id"));
    if (tables.value_or(0) == 0 && id.value_or(0) == 0) return false;
    if (id.value_or(0) == kDiffApplicationId) return true;
    return fail(cannot_open(ErrorCode::bad_data, database.file(), "it is an SQLite file of another program",
                            "give another diffStorePath"));
}

/// The version of a file that is ours. Error failed_precondition: a newer version.
Result<std::int64_t> version_of(sqlite::Database& database) {
    IOSWARM_TRY(const auto version, database.query_integer("PRAGMA user_version"));
    if (version.value_or(0) <= kDiffSchemaVersion) return version.value_or(0);
    return fail(cannot_open(ErrorCode::failed_precondition, database.file(),
                            fmt::format("it was written by a newer ioswarm (version {}, this one knows {})",
                                        version.value_or(0), kDiffSchemaVersion),
                            "install the newer ioswarm again"));
}

Status check_tables(sqlite::Database& database) {
    IOSWARM_TRY(const auto version, version_of(database));
    const std::size_t tables = tables_of(version);
    const Error altered = cannot_open(ErrorCode::data_loss, database.file(),
                                      fmt::format("its tables are not those of version {}", version),
                                      "move the file away: the log is then filled again from its source");
    IOSWARM_TRY(auto found,
                database.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"));
    for (std::size_t count = 0;; ++count) {
        IOSWARM_TRY(const auto row, found.step());
        if (!row && count == tables) break;
        if (!row || count >= tables || found.text(0) != kTables[count]) return fail(altered);
    }
    IOSWARM_TRY(const auto rows,
                database.query_integer("SELECT count(*) FROM log WHERE length(base_chain) = 32"));
    return rows.value_or(0) == 1 ? Status{} : Status{fail(altered)};
}

Status create(sqlite::Database& database) {
    std::string sql = "BEGIN IMMEDIATE;";
    for (const std::string_view table : kTables)
        sql += fmt::format("{};", table);
    sql += fmt::format(
        "INSERT INTO log VALUES(1, 0, zeroblob(32)); PRAGMA application_id = {}; PRAGMA user_version = {}; "
        "COMMIT",
        kDiffApplicationId, kDiffSchemaVersion);
    Status status = database.execute(sql);
    if (!status && database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
    return status;
}

/// Moves a log from version 1 to 2.
Status add_chain_table(sqlite::Database& database) {
    Status status =
        database.execute(fmt::format("BEGIN IMMEDIATE; {}; PRAGMA user_version = 2; COMMIT", kTables.back()));
    if (!status && database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
    return status;
}

}  // namespace

Status check_diff_file(const std::filesystem::path& file, bool may_be_new) {
    IOSWARM_TRY(const auto kind, diff_file_kind(file));
    switch (kind) {
        case DiffFileKind::sqlite:
            return {};
        case DiffFileKind::missing:
        case DiffFileKind::empty:
            if (may_be_new) return {};
            return fail(cannot_open(ErrorCode::not_found, file.string(), "there is none", {}));
        case DiffFileKind::bolt:
            return fail(
                cannot_open(ErrorCode::failed_precondition, file.string(),
                            "it is iotex-core's own store of state diffs (bbolt), left as it is",
                            fmt::format("give another diffStorePath; while no node has that store open, "
                                        "'ioswarm diffs import {} --to LOG' takes its diffs over",
                                        file.string())));
        case DiffFileKind::unknown:
            break;
    }
    return fail(
        cannot_open(ErrorCode::bad_data, file.string(), "it is not a diff log", "give another diffStorePath"));
}

Status prepare_diff_writer(sqlite::Database& database) {
    IOSWARM_TRY(const auto ours, is_ours(database));
    // auto_vacuum has an effect only before the first page is written. No mmap, because a read error would
    // raise SIGBUS. The WAL is cut back after a burst.
    Status status = database.execute(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA "
        "mmap_size = 0;"
        "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
        "PRAGMA journal_size_limit = 16777216");
    if (status && !ours) status = create(database);
    if (status) status = check_tables(database);
    if (!status) return status;
    IOSWARM_TRY(const auto version, version_of(database));
    return version < 2 ? add_chain_table(database) : status;
}

Status prepare_diff_reader(sqlite::Database& database) {
    IOSWARM_DO(
        database.execute("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA mmap_size = 0;"
                         "PRAGMA cache_size = -1024; PRAGMA cell_size_check = ON"));
    IOSWARM_TRY(const auto ours, is_ours(database));
    if (!ours) return fail(cannot_open(ErrorCode::not_found, database.file(), "it is empty", {}));
    return check_tables(database);
}

}  // namespace ioswarm
