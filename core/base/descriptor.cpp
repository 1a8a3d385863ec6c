// SPDX-License-Identifier: Apache-2.0
#include "core/base/descriptor.hpp"

#include <unistd.h>

#include <cerrno>

namespace ioswarm {
namespace {

/// Makes a system call again for as long as signals interrupt it.
template <typename Call>
auto uninterrupted(Call call) {
    for (;;) {
        const auto result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}

}  // namespace

void Descriptor::reset(int fd) noexcept {
    const int kept = errno;
    if (fd_ >= 0) ::close(fd_);
    errno = kept;
    fd_ = fd;
}

Result<Descriptor> open_file(const std::string& path, int flags, const char* what, mode_t mode) {
    Descriptor file(uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
    if (!file) return fail(errno_error(errno, what, path));
    return file;
}

Status write_all(int fd, BytesView bytes, const char* what, const std::string& which) {
    while (!bytes.empty()) {
        const ssize_t put = uninterrupted([&] { return ::write(fd, bytes.data(), bytes.size()); });
        if (put < 0) return fail(errno_error(errno, what, which));
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

Status write_at(int fd, BytesView bytes, std::uint64_t offset, const char* what, const std::string& which) {
    while (!bytes.empty()) {
        const ssize_t put =
            uninterrupted([&] { return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
        if (put < 0) return fail(errno_error(errno, what, which));
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        offset += static_cast<std::uint64_t>(put);
    }
    return {};
}

Result<std::size_t> read_some(int fd, std::span<std::uint8_t> out, const char* what, const std::string& which) {
    const ssize_t got = uninterrupted([&] { return ::read(fd, out.data(), out.size()); });
    if (got < 0) return fail(errno_error(errno, what, which));
    return static_cast<std::size_t>(got);
}

Result<std::size_t> read_at(int fd, std::span<std::uint8_t> out, std::uint64_t offset, const char* what,
                            const std::string& which) {
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t got = uninterrupted([&] {
            return ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
        });
        if (got < 0) return fail(errno_error(errno, what, which));
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

Status sync_file(int fd, const char* what, const std::string& which) {
    if (uninterrupted([&] { return ::fsync(fd); }) != 0) return fail(errno_error(errno, what, which));
    return {};
}

void raise_event(int fd) noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(fd, &one, sizeof one);
}

void clear_event(int fd) noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd, &count, sizeof count);
}

}  // namespace ioswarm
