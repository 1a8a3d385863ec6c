// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <sys/types.h>

#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// A listening Unix socket and the file that names it. Only the owner of the file, and root, can connect: its
/// mode is 0600. Not thread-safe.
class SocketFile {
  public:
    /// Makes the file and listens on it. A file that an ended process left behind is replaced. Two processes
    /// must not do this at once for the same path; serve holds the lock of its data directory meanwhile.
    /// Errors: invalid_argument (the path is longer than 107 bytes, the limit of the system), try_again
    /// (another process listens there), bad_data (the path names something that is not a socket), not_found,
    /// permission_denied, io.
    [[nodiscard]] static Result<SocketFile> listen(const std::string& path, int backlog);

    SocketFile(SocketFile&& other) noexcept;
    SocketFile& operator=(SocketFile&&) = delete;
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;
    /// Removes the file, unless another one has taken its place.
    ~SocketFile();

    /// The listening socket. The caller must close it from now on.
    [[nodiscard]] int take_descriptor() noexcept;

  private:
    SocketFile(std::string path, Descriptor socket, dev_t device, ino_t inode)
        : path_(std::move(path)), socket_(std::move(socket)), device_(device), inode_(inode) {}

    std::string path_;  ///< empty after a move
    Descriptor socket_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace ioswarm
