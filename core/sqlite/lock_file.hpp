// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <utility>

#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// A file that one process holds. The lock is an flock, which the kernel releases when the process ends in any
/// way. The file contains the holder's pid as text, so that a second process can name it.
class LockFile {
  public:
    /// Errors: try_again when another process holds the file (the text names its pid); io, permission_denied.
    [[nodiscard]] static Result<LockFile> acquire(const std::filesystem::path& file);

  private:
    explicit LockFile(Descriptor file) : file_(std::move(file)) {}
    /// Closing it releases the lock. The file stays: a third process may be waiting for a lock on it, while a
    /// second one would lock a new file of the same name.
    Descriptor file_;
};

/// Makes `dir` and its parents if missing; `dir` gets mode 0700. A directory that others may write to is
/// refused (permission_denied). One that others may read is left as it is, since the files inside have mode
/// 0600.
[[nodiscard]] Status prepare_private_directory(const std::filesystem::path& dir);

}  // namespace ioswarm
