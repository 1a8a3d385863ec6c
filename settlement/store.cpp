// SPDX-License-Identifier: Apache-2.0
#include "settlement/store.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/sqlite/lock_file.hpp"
#include "core/sqlite/open_for_reading.hpp"
#include "core/sqlite/private_file.hpp"
#include "core/sqlite/table_texts.hpp"
#include "settlement/file_check.hpp"
#include "settlement/schema.hpp"
#include "settlement/sqlite_store.hpp"
#include "settlement/store_rows.hpp"

namespace ioswarm::settlement {
namespace {

/// The lock's errors name the other settler's process. This adds what to do about it.
Result<LockFile> lock_settlement(const std::filesystem::path& dir) {
    auto lock = LockFile::acquire(settlement_lock_file(dir));
    if (lock || lock.error().code != ErrorCode::try_again) return lock;
    Error error = std::move(lock).error();
    error.what = "another settler is at work";
    error.hint = "wait until it is done; one settler at a time may use a data directory";
    return fail(std::move(error));
}

Result<sqlite::Database> open_for_writing(const std::filesystem::path& dir) {
    auto database =
        sqlite::Database::open(settlement_file(dir), sqlite::Database::Mode::read_write, kSettlementName);
    if (!database) return fail(database.error());
    // Every commit is on the disk when it returns. mmap is off, since a read error would raise SIGBUS.
    Status status = database->execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0;"
        "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 16777216");
    if (!status) return fail(std::move(status).error());
    return database;
}

/// Several checks can find damage. The operator has to do the same after each of them.
Error with_replace_hint(Error error) {
    if (error.code == ErrorCode::data_loss) error.hint = kHowToReplaceFile;
    return error;
}

/// `lock` is empty for a file that is only read.
Result<std::unique_ptr<SettlementStore>> open_checked(sqlite::Database database,
                                                      SettlementStore::FileCheck check,
                                                      std::optional<LockFile> lock) {
    IOSWARM_DO(check_settlement_schema(database));
    IOSWARM_TRY(const auto identity, read_identity(database));
    if (check == SettlementStore::FileCheck::whole) {
        IOSWARM_DO(check_settlement_content(database, identity));
    }
    return std::unique_ptr<SettlementStore>(
        std::make_unique<SqliteStore>(std::move(lock), std::move(database), identity));
}

Status check_exists(const std::filesystem::path& file) {
    std::error_code error;
    if (std::filesystem::exists(file, error)) return {};
    if (error && error != std::errc::no_such_file_or_directory)
        return fail(errno_error(error.value(), "cannot open the settlement file", file.string()));
    return fail(ErrorCode::not_found, "cannot open the settlement file", file.string(), "there is none",
                "run 'ioswarm settle init' first");
}

}  // namespace

Result<std::unique_ptr<SettlementStore>> SettlementStore::create(const std::filesystem::path& dir,
                                                                 const SettlementIdentity& identity,
                                                                 std::span<const SettledBefore> settled) {
    IOSWARM_TRY(auto lock, lock_settlement(dir));
    const std::filesystem::path file = settlement_file(dir);
    IOSWARM_DO(make_private_file(file, kSettlementName));
    IOSWARM_TRY(auto database, open_for_writing(dir));
    IOSWARM_TRY(const auto empty, sqlite::is_without_tables(database));
    if (!empty) {
        return fail(ErrorCode::failed_precondition, "cannot make the settlement file", file.string(),
                    "it is there already");
    }
    auto out = std::make_unique<SqliteStore>(std::move(lock), std::move(database), identity);
    IOSWARM_DO(out->fill(settled));
    return std::unique_ptr<SettlementStore>(std::move(out));
}

Result<std::unique_ptr<SettlementStore>> SettlementStore::open(const std::filesystem::path& dir,
                                                               FileCheck check) {
    IOSWARM_DO(check_exists(settlement_file(dir)));
    IOSWARM_TRY(auto lock, lock_settlement(dir));
    auto database = open_for_writing(dir);
    if (!database) return fail(with_replace_hint(std::move(database).error()));
    auto out = open_checked(std::move(*database), check, std::move(lock));
    if (!out) return fail(with_replace_hint(std::move(out).error()));
    return out;
}

Result<std::unique_ptr<SettlementStore>> SettlementStore::open_read_only(const std::filesystem::path& dir,
                                                                         FileCheck check) {
    IOSWARM_DO(check_exists(settlement_file(dir)));
    auto database = sqlite::open_for_reading(settlement_file(dir), kSettlementName);
    if (!database) return fail(with_replace_hint(std::move(database).error()));
    auto out = open_checked(std::move(*database), check, std::nullopt);
    if (!out) return fail(with_replace_hint(std::move(out).error()));
    return out;
}

}  // namespace ioswarm::settlement
