// SPDX-License-Identifier: Apache-2.0
#include "snapshot/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

#include "core/base/try.hpp"
#include "snapshot/store/lock_holder.hpp"

namespace ioswarm::snapshot {
namespace {

constexpr const char* kCannotLock = "cannot lock the folder of the snapshot";

}  // namespace

Result<FolderLock> FolderLock::take(const std::string& folder, const LockWait& wait) {
    const std::string path = folder.empty() ? "." : folder;
    IOSWARM_TRY(auto opened, open_file(path, O_RDONLY | O_DIRECTORY, kCannotLock));
    while (::flock(opened.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return fail(errno_error(errno, kCannotLock, path));
        if (wait.is_over())
            return fail(ErrorCode::try_again, "another job publishes into the folder", path,
                        describe_flock_holder(opened.get()), "run the command again later");
        IOSWARM_DO(wait.pause(path));
    }
    return FolderLock(std::move(opened));
}

}  // namespace ioswarm::snapshot
