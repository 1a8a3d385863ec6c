// SPDX-License-Identifier: Apache-2.0
#include "snapshot/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "snapshot/store/lock_holder.hpp"

namespace ioswarm::snapshot {

Result<FolderLock> FolderLock::take(const std::string& folder, const LockWait& wait) {
    const std::string path = folder.empty() ? "." : folder;
    FolderLock lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.fd_ < 0) return fail(errno_error(errno, "cannot lock the folder of the snapshot", path));
    while (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail(errno_error(errno, "cannot lock the folder of the snapshot", path));
        if (wait.is_over())
            return fail(ErrorCode::try_again, "another job publishes into the folder", path,
                        describe_flock_holder(lock.fd_), "run the command again later");
        if (auto paused = wait.pause(path); !paused) return fail(paused.error());
    }
    return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock::~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace ioswarm::snapshot
