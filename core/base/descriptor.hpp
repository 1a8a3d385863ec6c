// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// Owns a file descriptor, and closes it when it is destroyed. A move hands the descriptor over.
class Descriptor {
  public:
    Descriptor() = default;
    /// Takes over `fd`; -1 means none, as system calls return it.
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~Descriptor() { reset(); }

    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int get() const noexcept { return fd_; }
    /// The caller must close the descriptor from now on.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    /// Closes the descriptor and takes over `fd`. errno stays as it is.
    void reset(int fd = -1) noexcept;

  private:
    int fd_ = -1;
};

// In the functions below, `what` and `which` become the error's: "cannot read", "/srv/trie.db". All of them go
// on after a signal, and give errors of errno_error() only.

/// For a file that another program may have replaced by a pipe or a terminal: opening it does not wait.
inline constexpr int kReadOnly = O_RDONLY | O_NOCTTY | O_NONBLOCK;

/// open(2); `which` of the error is `path`. O_CLOEXEC is always added.
[[nodiscard]] Result<Descriptor> open_file(const std::string& path, int flags, const char* what,
                                           mode_t mode = 0);

/// Writes all bytes.
[[nodiscard]] Status write_all(int fd, BytesView bytes, const char* what, const std::string& which);
/// Writes all bytes at `offset`. The position of the descriptor does not change.
[[nodiscard]] Status write_at(int fd, BytesView bytes, std::uint64_t offset, const char* what,
                              const std::string& which);

/// Reads once. Returns how many bytes came; 0 at the end of the file.
[[nodiscard]] Result<std::size_t> read_some(int fd, std::span<std::uint8_t> out, const char* what,
                                            const std::string& which);
/// Reads at `offset` until `out` is full or the file ends, and returns how many bytes came. The position of the
/// descriptor does not change, so several threads may use one descriptor.
[[nodiscard]] Result<std::size_t> read_at(int fd, std::span<std::uint8_t> out, std::uint64_t offset,
                                          const char* what, const std::string& which);

/// fsync(2).
[[nodiscard]] Status sync_file(int fd, const char* what, const std::string& which);

/// Makes an eventfd(2) readable, and unreadable again. Both may be called from any thread, and never wait when
/// it is non-blocking. Making it readable is allowed in signal handlers.
void raise_event(int fd) noexcept;
void clear_event(int fd) noexcept;

}  // namespace ioswarm
