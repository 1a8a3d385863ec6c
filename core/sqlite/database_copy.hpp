// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// True when something has that name, even a dangling symbolic link.
[[nodiscard]] bool file_exists(const std::filesystem::path& file);

/// Opens a connection that only reads and never checkpoints. A file without a WAL has no writer. It is opened
/// so that SQLite does not make a WAL beside it.
[[nodiscard]] Result<sqlite::Database> open_database_reader(const std::filesystem::path& file,
                                                            const std::string& name);

/// Copies everything that is committed in `source` now into the new file `copy`. Its directory must exist. The
/// copy has mode 0600, is one file without a WAL, and is synced. It appears complete or not at all, and never
/// replaces another file. `check` examines the finished copy before it gets its name. `name` is used in errors
/// ("ledger"). Errors: failed_precondition (the file exists), those of `check`, data_loss, try_again, io.
[[nodiscard]] Status copy_database(sqlite::Database& source, const std::filesystem::path& copy,
                                   const std::string& name,
                                   const std::function<Status(sqlite::Database&)>& check);

}  // namespace ioswarm
