// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm {

/// What a file called statediffs.db may be; the reference's has the same name as ours.
enum class DiffFileKind {
    missing,
    empty,    ///< of 0 bytes
    sqlite,   ///< ours, or another program's: opening it tells
    bolt,     ///< a bbolt database, as the reference's diff store is
    unknown,  ///< none of these
};

/// The files that belong to the log at `file`: itself, and what SQLite and the lock of its writer keep beside
/// it, whether they are there or not. Where `file` is a symbolic link these are beside the file that it leads
/// to; both names are listed.
[[nodiscard]] std::vector<std::string> diff_log_files(const std::string& file);

/// Told by content alone. Errors: io, permission_denied.
[[nodiscard]] Result<DiffFileKind> diff_file_kind(const std::filesystem::path& file);

}  // namespace ioswarm
