// SPDX-License-Identifier: Apache-2.0
#include "snapshot/reflink.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

namespace ioswarm::snapshot {

Result<ReflinkCopy> ReflinkCopy::of(const std::string& source) {
    // O_NONBLOCK: do not wait at a pipe.
    const int from = ::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (from < 0) return fail(errno_error(errno, "cannot open the state file", source));
    struct stat info {};
    if (::fstat(from, &info) == 0 && S_ISDIR(info.st_mode)) {
        ::close(from);
        return fail(ErrorCode::usage, "no copy beside the running node", source, "it is a directory",
                    "--live reads a running node's PebbleDB directory");
    }
    const std::size_t slash = source.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : source.substr(0, slash);
    const int to = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    int failed = to < 0 ? errno : 0;
    if (failed == 0 && ::ioctl(to, FICLONE, from) != 0) failed = errno;
    ::close(from);
    if (failed == 0) return ReflinkCopy(to);
    if (to >= 0) ::close(to);
    if (to < 0 && (failed == EROFS || failed == EACCES || failed == EPERM)) {
        Error error = errno_error(failed, "no copy beside the running node", folder);
        error.code = ErrorCode::permission_denied;
        error.hint =
            "the copy is a file without a name in that folder, on the same file system: let this user write "
            "there";
        return fail(std::move(error));
    }
    if (failed == EOPNOTSUPP || failed == EINVAL || failed == ENOTTY || failed == EISDIR || failed == EXDEV) {
        return fail(ErrorCode::unavailable, "no copy beside the running node", source,
                    "this file system cannot share blocks between files (btrfs and XFS can)",
                    "stop the node for the export, or keep trie.db on such a file system");
    }
    return fail(errno_error(failed, "cannot copy the state file", source));
}

ReflinkCopy::ReflinkCopy(ReflinkCopy&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

ReflinkCopy::~ReflinkCopy() {
    if (fd_ >= 0) ::close(fd_);
}

std::string ReflinkCopy::path() const {
    return fmt::format("/proc/self/fd/{}", fd_);
}

}  // namespace ioswarm::snapshot
