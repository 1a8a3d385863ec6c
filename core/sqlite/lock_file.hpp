// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <utility>

#include "core/base/result.hpp"

namespace ioswarm {

/// A file that one process holds: an flock that the kernel drops with the process, however it ends, with the
/// holder's pid as text for whoever comes second.
class LockFile {
  public:
    /// Errors: try_again when another process has it (names its pid); io, permission_denied.
    [[nodiscard]] static Result<LockFile> acquire(const std::filesystem::path& file);
    ~LockFile();
    LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    LockFile& operator=(LockFile&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

  private:
    explicit LockFile(int fd) : fd_(fd) {}
    int fd_;
};

/// Makes `dir` (and its parents) with mode 0700 if it is missing. One that others may write to is refused
/// (permission_denied); one that they may read is left as it is, since the files inside are 0600.
[[nodiscard]] Status prepare_private_directory(const std::filesystem::path& dir);

}  // namespace ioswarm
