// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/private_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace ioswarm {

Status make_private_file(const std::filesystem::path& file, const std::string& name) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(errno_error(errno, "cannot open the " + name, file.string()));
    ::close(fd);
    return sync_directory(file.has_parent_path() ? file.parent_path() : ".");
}

Status sync_directory(const std::filesystem::path& dir) {
    const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail(errno_error(errno, "cannot open the directory", dir.string()));
    const int error = fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    if (error != 0) return fail(errno_error(error, "cannot sync the directory", dir.string()));
    return {};
}

}  // namespace ioswarm
