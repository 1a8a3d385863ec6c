// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm::sqlite {

/// Opens a database in WAL mode for reading, next to its writer if there is one. The connection never
/// checkpoints. SQLite needs two files beside such a database, and cannot make them in a directory where this
/// process may not write. There the database can be read only while no change waits in its WAL; the connection
/// then does not see what a writer changes later, so use it for a moment only. Errors: those of
/// Database::open(); failed_precondition (changes wait in the WAL of a directory that cannot be written; `hint`
/// says what to do).
[[nodiscard]] Result<Database> open_for_reading(const std::filesystem::path& file, const std::string& name);

}  // namespace ioswarm::sqlite
