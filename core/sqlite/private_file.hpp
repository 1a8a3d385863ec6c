// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace ioswarm {

/// Makes a database file with mode 0600 if it is missing, before SQLite does: SQLite gives the WAL the mode of
/// the file. Its name is synced too, since SQLite syncs the directory only for files that it makes itself;
/// without that a power failure could take away the file with everything in it that was called durable. `name`:
/// what errors call it ("ledger"). Errors: io, permission_denied.
[[nodiscard]] Status make_private_file(const std::filesystem::path& file, const std::string& name);

/// Makes the names in a directory durable. Error io.
[[nodiscard]] Status sync_directory(const std::filesystem::path& dir);

}  // namespace ioswarm
