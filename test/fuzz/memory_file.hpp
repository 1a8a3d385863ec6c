// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/base/bytes.hpp"

namespace ioswarm::fuzz {

/// A file in memory that holds `content`, for code that reads from a path.
class MemoryFile {
  public:
    explicit MemoryFile(BytesView content) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        if (fd_ < 0) std::abort();
        while (!content.empty()) {
            const ssize_t wrote = ::write(fd_, content.data(), content.size());
            if (wrote <= 0) std::abort();
            content = content.subspan(static_cast<std::size_t>(wrote));
        }
    }
    ~MemoryFile() { ::close(fd_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
    /// A duplicate of the descriptor, which the caller must close.
    [[nodiscard]] int duplicate() const { return ::dup(fd_); }

  private:
    int fd_;
};

}  // namespace ioswarm::fuzz
