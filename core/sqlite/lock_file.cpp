// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/lock_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/sync_folder.hpp"
#include "core/base/try.hpp"
#include "core/sqlite/private_file.hpp"

namespace ioswarm {
namespace {

std::string read_holder(int fd) {
    std::array<std::uint8_t, 24> text{};
    const auto size = read_at(fd, text, 0, "cannot read", {});
    std::string out(as_text(BytesView(text).first(size.value_or(0))));
    out.erase(std::find_if(out.begin(), out.end(), [](char c) { return c < '0' || c > '9'; }), out.end());
    return out;
}

/// Makes the missing folders above `dir`. An error names the folder that could not be made.
Status make_parents(const std::filesystem::path& dir) {
    std::filesystem::path made;
    for (const auto& part : dir.lexically_normal().parent_path()) {
        made /= part;
        if (mkdir(made.c_str(), 0777) == 0 || errno == EEXIST) continue;
        const int reason = errno;
        std::error_code ignored;
        // Some file systems answer mkdir for a folder that exists with EROFS or EACCES.
        if (std::filesystem::is_directory(made, ignored)) continue;
        return fail(errno_error(reason, "cannot make the folder", made.string()));
    }
    return {};
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::filesystem::path& file) {
    IOSWARM_TRY(auto opened,
                open_file(file.string(), O_RDWR | O_CREAT | O_NOFOLLOW, "cannot open the lock file", 0600));
    const int fd = opened.get();
    LockFile out(std::move(opened));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail(errno_error(errno, "cannot lock", file.string()));
        const std::string holder = read_holder(fd);
        return fail(ErrorCode::try_again, "cannot lock", file.string(),
                    holder.empty() ? "another process holds it" : "process " + holder + " holds it",
                    "one ioswarm at a time may use a data directory");
    }
    // The pid is information for people. The lock works without it, so a full disk must not prevent the start.
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(fd, 0) == 0) static_cast<void>(write_at(fd, as_bytes(pid), 0, "cannot write", {}));
    return out;
}

Status prepare_private_directory(const std::filesystem::path& dir) {
    IOSWARM_DO(make_parents(dir));
    const bool is_made = mkdir(dir.c_str(), 0700) == 0;
    if (!is_made && errno != EEXIST) {
        return fail(errno_error(errno, "cannot make the data directory", dir.string()));
    }
    if (is_made) {
        const std::filesystem::path parent = dir.lexically_normal().parent_path();
        IOSWARM_DO(sync_folder(parent.empty() ? "." : parent.string()));
    }
    struct stat info {};
    if (stat(dir.c_str(), &info) != 0)
        return fail(errno_error(errno, "cannot read the data directory", dir.string()));
    if (!S_ISDIR(info.st_mode)) {
        return fail(ErrorCode::io, "cannot use the data directory", dir.string(), "it is not a directory");
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fail(ErrorCode::permission_denied, "cannot use the data directory", dir.string(),
                    "others may write to it", "chmod 700 " + dir.string());
    }
    return {};
}

}  // namespace ioswarm
