// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ioswarm::cli {

/// The git commit that the program was built from.
struct CommitInfo {
    std::string_view id;    ///< 40 hex digits; empty if it was not built from a git repository
    bool modified = false;  ///< files differed from that commit
};

/// Defined in a file that the build writes (cmake/write_commit.cmake).
extern const CommitInfo kCommit;

/// What the program was built from, and how.
struct BuildInfo {
    std::string_view version;  ///< for example "0.1.0"
    CommitInfo commit;
    std::string_view build_type;  ///< CMake's name, for example "RelWithDebInfo"
    std::string_view compiler;    ///< for example "GCC 12.2.0"
};

[[nodiscard]] BuildInfo build_info();

}  // namespace ioswarm::cli
