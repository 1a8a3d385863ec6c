// SPDX-License-Identifier: Apache-2.0
#include "core/base/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "core/base/sync_folder.hpp"

namespace ioswarm {
namespace {

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace

Status sync_folder(const std::string& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail(errno_error(errno, "cannot sync the folder", folder));
    const int failed = ::fsync(fd) != 0 ? errno : 0;
    ::close(fd);
    if (failed != 0) return fail(errno_error(failed, "cannot sync the folder", folder));
    return {};
}

std::string temporary_name(const std::string& path, const std::string& writer) {
    // The name depends only on the target and the writer. The next writer therefore overwrites a file that a
    // killed writer left, and such files do not pile up.
    return folder_of(path) + "/." + name_of(path) + (writer.empty() ? "" : "." + writer) + ".part";
}

Result<AtomicFile> AtomicFile::create(const std::string& path, mode_t mode, const std::string& writer) {
    if (name_of(path).empty())
        return fail(ErrorCode::invalid_argument, "cannot create", path, "it names a folder");
    const std::string temporary = temporary_name(path, writer);
    if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) {
        return fail(errno_error(errno, "cannot remove what an earlier run left", temporary));
    }
    const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) return fail(errno_error(errno, "cannot create", temporary));
    return AtomicFile(path, temporary, fd);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      written_(other.written_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
    if (this != &other) {
        discard();
        path_ = std::move(other.path_);
        temporary_ = std::move(other.temporary_);
        fd_ = std::exchange(other.fd_, -1);
        written_ = other.written_;
    }
    return *this;
}

AtomicFile::~AtomicFile() {
    discard();
}

void AtomicFile::discard() noexcept {
    if (fd_ < 0) return;
    ::close(std::exchange(fd_, -1));
    ::unlink(temporary_.c_str());
}

Status AtomicFile::write(BytesView data) {
    while (!data.empty()) {
        const ssize_t done = ::write(fd_, data.data(), data.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return fail(errno_error(errno, "cannot write", path_));
        data = data.subspan(static_cast<std::size_t>(done));
        written_ += static_cast<std::uint64_t>(done);
    }
    return {};
}

Status AtomicFile::commit() {
    return commit_as(path_);
}

Status AtomicFile::commit_as(const std::string& path) {
    if (::fsync(fd_) != 0) return fail(errno_error(errno, "cannot sync", path));
    if (::rename(temporary_.c_str(), path.c_str()) != 0)
        return fail(errno_error(errno, "cannot rename into place", path));
    ::close(std::exchange(fd_, -1));
    return sync_folder(folder_of(path));
}

Status write_file_atomically(const std::string& path, BytesView data, mode_t mode) {
    auto file = AtomicFile::create(path, mode);
    if (!file) return fail(file.error());
    if (auto written = file->write(data); !written) return written;
    return file->commit();
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return fail(errno_error(errno, "cannot read", path));
    struct stat info {};
    if (::fstat(fd, &info) == 0 && !S_ISREG(info.st_mode)) {
        ::close(fd);
        return fail(ErrorCode::bad_data, "cannot read", path, "it is not a regular file");
    }
    std::string out;
    int failed = 0;
    for (;;) {
        char buffer[16384];
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) failed = errno;
        if (got <= 0 || out.size() > max_bytes) break;
        out.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(fd);
    if (failed != 0) return fail(errno_error(failed, "cannot read", path));
    if (out.size() > max_bytes) {
        return fail(ErrorCode::resource_exhausted, "cannot read", path,
                    fmt::format("it is larger than {} bytes", max_bytes));
    }
    return out;
}

}  // namespace ioswarm
