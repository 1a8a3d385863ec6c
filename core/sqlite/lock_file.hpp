// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <utility>

#include "core/base/result.hpp"

namespace ioswarm {

/// A file that one process holds. The lock is an flock, which the kernel releases when the process ends in any
/// way. The file contains the holder's pid as text, so that a second process can name it.
class LockFile {
  public:
    /// Errors: try_again when another process holds the file (the text names its pid); io, permission_denied.
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

/// Makes `dir` and its parents if missing; `dir` gets mode 0700. A directory that others may write to is
/// refused (permission_denied). One that others may read is left as it is, since the files inside have mode
/// 0600.
[[nodiscard]] Status prepare_private_directory(const std::filesystem::path& dir);

}  // namespace ioswarm
