// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// "IOSS" in the file's header: tells settlement.db from any other SQLite file.
inline constexpr std::int64_t kSettlementApplicationId = 0x494f5353;
inline constexpr std::int64_t kSettlementSchemaVersion = 1;

/// What errors call the file.
inline constexpr const char* kSettlementName = "settlement file";

[[nodiscard]] std::filesystem::path settlement_file(const std::filesystem::path& dir);
[[nodiscard]] std::filesystem::path settlement_lock_file(const std::filesystem::path& dir);

/// Makes the tables in an empty file and stores the identity. The caller does so within a transaction.
[[nodiscard]] Status create_settlement_schema(sqlite::Database& database, const SettlementIdentity& identity);

/// Checks that the file is what this version writes. Errors: not_found (it has no tables: `settle init` was cut
/// off), failed_precondition (a newer version), data_loss (another program's file, or altered tables).
[[nodiscard]] Status check_settlement_schema(sqlite::Database& database);

}  // namespace ioswarm::settlement
