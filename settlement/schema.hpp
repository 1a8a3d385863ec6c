// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// "IOSS" in the file's header. It tells settlement.db from other SQLite files.
inline constexpr std::int64_t kSettlementApplicationId = 0x494f5353;
inline constexpr std::int64_t kSettlementSchemaVersion = 1;

/// The file's name in error messages.
inline constexpr const char* kSettlementName = "settlement file";

/// The paths of settlement.db and of its lock file in a data directory.
[[nodiscard]] std::filesystem::path settlement_file(const std::filesystem::path& dir);
[[nodiscard]] std::filesystem::path settlement_lock_file(const std::filesystem::path& dir);

/// The hint of every error about a damaged file.
inline constexpr const char* kHowToReplaceFile =
    "nothing is paid from it: stop the settler, move the file away but keep it, and run 'ioswarm settle init "
    "--rebuild'";
/// The error data_loss of a file that must not be used any more, with what to do about it.
[[nodiscard]] tl::unexpected<Error> settlement_altered(const sqlite::Database& database, std::string why);

/// Creates the tables in an empty file and stores the identity. The caller runs this within a transaction.
[[nodiscard]] Status create_settlement_schema(sqlite::Database& database, const SettlementIdentity& identity);

/// Checks that this version wrote the file. Errors: not_found (no tables, because `settle init` was
/// interrupted), failed_precondition (a newer version), data_loss (another program's file, or changed tables).
[[nodiscard]] Status check_settlement_schema(sqlite::Database& database);

}  // namespace ioswarm::settlement
