// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// "IOSL" in the file's header: tells a ledger from any other SQLite file.
inline constexpr std::int64_t kLedgerApplicationId = 0x494f534c;
inline constexpr std::int64_t kLedgerSchemaVersion = 2;

/// Settings of the writing connection: WAL, every commit synced. To be called before anything else.
[[nodiscard]] Status configure_writer(sqlite::Database& database);

/// Makes the tables in an empty file, moves an older ledger to this version step by step, each step one
/// transaction, and checks that what is there is what this version writes. Errors: failed_precondition for a
/// newer version; data_loss for another program's file or altered tables.
[[nodiscard]] Status prepare_schema(sqlite::Database& database, std::int64_t now_ms);

/// True: there is nothing in the file, not even tables.
[[nodiscard]] Result<bool> is_without_tables(sqlite::Database& database);

/// As prepare_schema() for a connection that only reads: nothing is made and nothing is moved.
[[nodiscard]] Status check_schema(sqlite::Database& database);

}  // namespace ioswarm
