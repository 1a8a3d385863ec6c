// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include <sys/stat.h>

namespace ioswarm::cli {

/// Device and inode of a file. They differ when another file stands at the path.
using FileIdentity = std::pair<std::uint64_t, std::uint64_t>;

/// Nothing: there is no file at the path, or it cannot be looked at.
[[nodiscard]] inline std::optional<FileIdentity> file_identity(const std::filesystem::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return std::nullopt;
    return FileIdentity(info.st_dev, info.st_ino);
}

}  // namespace ioswarm::cli
