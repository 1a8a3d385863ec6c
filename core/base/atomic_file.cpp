// SPDX-License-Identifier: Apache-2.0
#include "core/base/atomic_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "core/base/sync_folder.hpp"
#include "core/base/try.hpp"

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
    constexpr const char* kCannotSync = "cannot sync the folder";
    const auto opened = open_file(folder, O_RDONLY | O_DIRECTORY, kCannotSync);
    return opened ? sync_file(opened->get(), kCannotSync, folder) : fail(opened.error());
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
    IOSWARM_TRY(auto file, open_file(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, "cannot create", mode));
    return AtomicFile(path, temporary, std::move(file));
}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
    if (this != &other) {
        discard();
        path_ = std::move(other.path_);
        temporary_ = std::move(other.temporary_);
        file_ = std::move(other.file_);
        written_ = other.written_;
    }
    return *this;
}

AtomicFile::~AtomicFile() {
    discard();
}

void AtomicFile::discard() noexcept {
    if (!file_) return;
    file_.reset();
    ::unlink(temporary_.c_str());
}

Status AtomicFile::write(BytesView data) {
    IOSWARM_DO(write_all(file_.get(), data, "cannot write", path_));
    written_ += data.size();
    return {};
}

Status AtomicFile::commit() {
    return commit_as(path_);
}

Status AtomicFile::commit_as(const std::string& path) {
    IOSWARM_DO(sync_file(file_.get(), "cannot sync", path));
    if (::rename(temporary_.c_str(), path.c_str()) != 0)
        return fail(errno_error(errno, "cannot rename into place", path));
    file_.reset();
    return sync_folder(folder_of(path));
}

Status write_file_atomically(const std::string& path, BytesView data, mode_t mode) {
    IOSWARM_TRY(auto file, AtomicFile::create(path, mode));
    IOSWARM_DO(file.write(data));
    return file.commit();
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
    constexpr const char* kCannotRead = "cannot read";
    IOSWARM_TRY(const auto file, open_file(path, kReadOnly, kCannotRead));
    struct stat info {};
    if (::fstat(file.get(), &info) == 0 && !S_ISREG(info.st_mode))
        return fail(ErrorCode::bad_data, kCannotRead, path, "it is not a regular file");
    std::string out;
    std::array<std::uint8_t, 16384> buffer;
    while (out.size() <= max_bytes) {
        IOSWARM_TRY(const auto got, read_some(file.get(), buffer, kCannotRead, path));
        if (got == 0) break;
        out += as_text(BytesView(buffer).first(got));
    }
    if (out.size() > max_bytes) {
        return fail(ErrorCode::resource_exhausted, "cannot read", path,
                    fmt::format("it is larger than {} bytes", max_bytes));
    }
    return out;
}

}  // namespace ioswarm
