// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm {

/// The possible kinds of a file named statediffs.db. iotex-core's store has the same file name as ours.
enum class DiffFileKind {
    missing,
    empty,    ///< 0 bytes long
    sqlite,   ///< ours or another program's; opening it shows which
    bolt,     ///< a bbolt database, such as iotex-core's diff store
    unknown,  ///< none of the above
};

/// The files that belong to the log at `file`: the file itself, the files that SQLite keeps beside it, and the
/// writer's lock file. They are listed whether or not they exist. If `file` is a symbolic link, they are beside
/// its target; both sets of names are listed.
[[nodiscard]] std::vector<std::string> diff_log_files(const std::string& file);

/// Decides by the content alone. Errors: io, permission_denied.
[[nodiscard]] Result<DiffFileKind> diff_file_kind(const std::filesystem::path& file);

}  // namespace ioswarm
