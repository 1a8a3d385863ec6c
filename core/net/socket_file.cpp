// SPDX-License-Identifier: Apache-2.0
#include "core/net/socket_file.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm {
namespace {

constexpr const char* kCannotListen = "cannot listen on the socket";
constexpr mode_t kOwnerOnly = 0600;

Descriptor new_unix_socket(int flags) {
    return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
}

/// Removes the file when no process listens on it any more.
Status remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) return {};
        return fail(errno_error(errno, kCannotListen, path));
    }
    if (!S_ISSOCK(info.st_mode)) {
        return fail(ErrorCode::bad_data, kCannotListen, path, "something that is not a socket has this name",
                    fmt::format("move it away: mv {0} {0}.old", path));
    }
    const Descriptor probe = new_unix_socket(SOCK_NONBLOCK);
    if (!probe) return fail(errno_error(errno, kCannotListen, path));
    const bool answers =
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    // EAGAIN: a process listens, and its queue is full.
    if (answers || errno == EAGAIN)
        return fail(ErrorCode::try_again, kCannotListen, path, "another process listens there");
    if (errno != ECONNREFUSED) return fail(errno_error(errno, kCannotListen, path));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(errno_error(errno, kCannotListen, path));
    return {};
}

}  // namespace

Result<SocketFile> SocketFile::listen(const std::string& path, int backlog) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return fail(ErrorCode::invalid_argument, kCannotListen, path,
                    fmt::format("its path has {} bytes, and the system allows 1 to {}", path.size(),
                                sizeof address.sun_path - 1),
                    "use a shorter path");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    IOSWARM_DO(remove_stale(path, address));
    Descriptor handle = new_unix_socket(0);
    // Set before bind(), so that the file never has another mode.
    if (!handle || ::fchmod(handle.get(), kOwnerOnly) != 0 ||
        ::bind(handle.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail(errno_error(errno, kCannotListen, path));
    struct stat made {};
    int failed = 0;
    if (::lstat(path.c_str(), &made) != 0 || ::chmod(path.c_str(), kOwnerOnly) != 0 ||
        ::listen(handle.get(), backlog) != 0)
        failed = errno;
    SocketFile out(path, std::move(handle), made.st_dev, made.st_ino);
    if (failed != 0) return fail(errno_error(failed, kCannotListen, path));
    return out;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      socket_(std::move(other.socket_)),
      device_(other.device_),
      inode_(other.inode_) {}

SocketFile::~SocketFile() {
    socket_.reset();
    if (path_.empty()) return;
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_)
        ::unlink(path_.c_str());
}

int SocketFile::take_descriptor() noexcept {
    return socket_.release();
}

}  // namespace ioswarm
