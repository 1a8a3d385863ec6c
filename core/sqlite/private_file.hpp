// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/base/result.hpp"

namespace ioswarm {

/// Makes a database file with mode 0600 if it is missing. This comes before SQLite opens it, because SQLite
/// gives the WAL the mode of the file. SQLite does not sync the directory for a file that already exists, so we
/// do: otherwise a power failure could remove the file with all data that was reported as durable. `name` is
/// used in errors ("ledger"). Errors: io, permission_denied.
[[nodiscard]] Status make_private_file(const std::filesystem::path& file, const std::string& name);

}  // namespace ioswarm
