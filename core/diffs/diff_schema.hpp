// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tables of the SQLite log. Not for use outside core/diffs.

#include <filesystem>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// "IOSD" in the file's header: tells a diff log from any other SQLite file.
inline constexpr std::int64_t kDiffApplicationId = 0x494f5344;
/// 2 added the table `chain`. A log of version 1 is moved to it when it is opened for writing, and read as it
/// is.
inline constexpr std::int64_t kDiffSchemaVersion = 2;
/// What errors call it.
inline constexpr const char* kDiffLogName = "diff log";

/// A file that may be opened as a diff log: ours or, with `may_be_new`, none yet. Errors: failed_precondition
/// for the reference's bbolt store (says how to import it), bad_data for anything else, not_found.
[[nodiscard]] Status check_diff_file(const std::filesystem::path& file, bool may_be_new);

/// Makes the tables in an empty file, and sets the writing connection up: WAL, every commit synced. Nothing is
/// written to a file that is not ours. Errors: failed_precondition for a newer version; bad_data for another
/// program's file; data_loss for altered tables; io.
[[nodiscard]] Status prepare_diff_writer(sqlite::Database& database);

/// The same checks for a connection that only reads; never checkpoints.
[[nodiscard]] Status prepare_diff_reader(sqlite::Database& database);

}  // namespace ioswarm
