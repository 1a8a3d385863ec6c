// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tables of the SQLite log. Only for core/diffs.

#include <filesystem>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// "IOSD" in the file's header marks a diff log among SQLite files.
inline constexpr std::int64_t kDiffApplicationId = 0x494f5344;
/// Version 2 added the table `chain`. A log of version 1 is moved to version 2 when it is opened for writing.
/// Opened for reading, it stays as it is.
inline constexpr std::int64_t kDiffSchemaVersion = 2;
/// The name of the file in errors.
inline constexpr const char* kDiffLogName = "diff log";

/// Checks that a file may be opened as a diff log: it is ours or, with `may_be_new`, missing or empty. Errors:
/// failed_precondition for iotex-core's bbolt store (the text says how to import it), bad_data for anything
/// else, not_found.
[[nodiscard]] Status check_diff_file(const std::filesystem::path& file, bool may_be_new);

/// Makes the tables in an empty file and configures the writing connection: WAL, every commit synced. Writes
/// nothing to a file that is not ours. Errors: failed_precondition for a newer version; bad_data for another
/// program's file; data_loss for altered tables; io.
[[nodiscard]] Status prepare_diff_writer(sqlite::Database& database);

/// The same checks for a connection that only reads and never checkpoints.
[[nodiscard]] Status prepare_diff_reader(sqlite::Database& database);

}  // namespace ioswarm
