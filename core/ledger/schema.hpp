// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// "IOSL" in the file's header marks a ledger among SQLite files.
inline constexpr std::int64_t kLedgerApplicationId = 0x494f534c;
inline constexpr std::int64_t kLedgerSchemaVersion = 3;

/// Configures the writing connection: WAL, every commit synced. Call it before anything else.
[[nodiscard]] Status configure_writer(sqlite::Database& database);

/// Makes the tables in an empty file. Moves an older ledger to this version step by step, each step in one
/// transaction. Then checks that the tables are those that this version writes. Errors: failed_precondition for
/// a newer version; data_loss for another program's file or for altered tables.
[[nodiscard]] Status prepare_schema(sqlite::Database& database, std::int64_t now_ms);

/// True when the file is empty: it does not even have tables.
[[nodiscard]] Result<bool> is_without_tables(sqlite::Database& database);

/// The checks of prepare_schema() for a connection that only reads. It makes and moves nothing.
[[nodiscard]] Status check_schema(sqlite::Database& database);

}  // namespace ioswarm
