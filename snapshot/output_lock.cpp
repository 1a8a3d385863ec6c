// SPDX-License-Identifier: Apache-2.0
#include "snapshot/output_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "snapshot/store/lock_holder.hpp"

namespace ioswarm::snapshot {

namespace {

/// The lock file could not be made. Nearly always the directory is missing or belongs to another user, and then
/// it is what the operator wants to read about.
Error cannot_lock(int error_number, const std::string& output, const std::string& lock_path) {
    const std::string folder = std::filesystem::path(output).parent_path().string();
    const std::string directory = folder.empty() ? "." : folder;
    if (error_number == EACCES && ::access(directory.c_str(), X_OK) == 0 &&
        ::access(lock_path.c_str(), F_OK) != 0) {
        return Error{ErrorCode::permission_denied,
                     fmt::format("output directory {} is not writable by user {}", directory, ::geteuid()),
                     {},
                     {},
                     "run as its owner, or name another place with --output"};
    }
    if (error_number != ENOENT) return errno_error(error_number, "cannot lock the output", lock_path);
    return Error{ErrorCode::not_found,
                 fmt::format("output directory {} does not exist", directory),
                 {},
                 {},
                 fmt::format("install -d {}", directory)};
}

}  // namespace

std::string OutputLock::path_for(const std::string& output) {
    const std::size_t name = output.rfind('/') + 1;  // without a '/' rfind() gives npos, and npos + 1 is 0
    return output.substr(0, name) + "." + output.substr(name) + ".lock";
}

Result<OutputLock> OutputLock::take(const std::string& output) {
    const std::string path = path_for(output);
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    // The file belongs to another user who made an export or a roll. Opening it for reading is enough to lock
    // it.
    const int refused = errno;
    if (!file && refused == EACCES)
        file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file) return fail(cannot_lock(refused, output, path));
    const int fd = file.get();
    OutputLock lock(std::move(file));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail(errno_error(errno, "cannot lock the output", path));
        return fail(ErrorCode::try_again, "another export is running", output, describe_flock_holder(fd),
                    "wait for it to end; the lock goes with the process");
    }
    return lock;
}

}  // namespace ioswarm::snapshot
