// SPDX-License-Identifier: Apache-2.0
#include "snapshot/reflink.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm::snapshot {

Result<ReflinkCopy> ReflinkCopy::of(const std::string& source) {
    IOSWARM_TRY(auto from, open_file(source, kReadOnly, "cannot open the state file"));
    struct stat info {};
    if (::fstat(from.get(), &info) == 0 && S_ISDIR(info.st_mode)) {
        return fail(ErrorCode::usage, "no copy beside the running node", source, "it is a directory",
                    "--live reads a running node's PebbleDB directory");
    }
    const std::size_t slash = source.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : source.substr(0, slash);
    Descriptor to(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    int failed = to ? 0 : errno;
    if (failed == 0 && ::ioctl(to.get(), FICLONE, from.get()) != 0) failed = errno;
    if (failed == 0) return ReflinkCopy(std::move(to));
    if (!to && (failed == EROFS || failed == EACCES || failed == EPERM)) {
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

std::string ReflinkCopy::path() const {
    return fmt::format("/proc/self/fd/{}", file_.get());
}

}  // namespace ioswarm::snapshot
