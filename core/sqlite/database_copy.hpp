// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// Whether something of that name is there, a dangling link included.
[[nodiscard]] bool file_exists(const std::filesystem::path& file);

/// A connection that only reads and never checkpoints. Beside a file without a WAL SQLite would make one: then
/// nobody writes to the file, and it is read as it is.
[[nodiscard]] Result<sqlite::Database> open_database_reader(const std::filesystem::path& file,
                                                            const std::string& name);

/// Writes what is committed in `source` now into the new file `copy`, whose directory must exist: mode 0600,
/// one file without a WAL, synced. The file appears whole or not at all, and never takes the place of another.
/// `check` looks at the finished copy before it gets its name. `name`: what errors call it ("ledger"). Errors:
/// failed_precondition (there is such a file), those of `check`, data_loss, try_again, io.
[[nodiscard]] Status copy_database(sqlite::Database& source, const std::filesystem::path& copy,
                                   const std::string& name,
                                   const std::function<Status(sqlite::Database&)>& check);

}  // namespace ioswarm
