// SPDX-License-Identifier: Apache-2.0
#include "snapshot/publication.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/base/sync_folder.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/description.hpp"
#include "snapshot/file_digest.hpp"

namespace ioswarm::snapshot {
namespace {

constexpr std::string_view kImmutableWriter = "immutable";
constexpr std::size_t kSha8 = 8;

std::string file_name(const std::string& path) {
    return path.substr(folder_of(path).size());
}

bool is_regular_file(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

Result<AtomicFile> write_text(const std::string& path, std::string_view writer, const std::string& text) {
    auto file = AtomicFile::create(path, 0644, std::string(writer));
    if (!file) return fail(file.error());
    IOSWARM_DO(file->write(as_bytes(text)));
    return file;
}

}  // namespace

Result<AtomicLink> AtomicLink::create(const std::string& path, const std::string& target) {
    const std::string temporary = temporary_path(path);
    if (::unlink(temporary.c_str()) != 0 && errno != ENOENT)
        return fail(errno_error(errno, "cannot remove what an earlier run left", temporary));
    if (::symlink(target.c_str(), temporary.c_str()) != 0) {
        const int failed = errno;
        Error error = errno_error(failed, "cannot make a symbolic link", temporary);
        if (failed == EPERM || failed == EOPNOTSUPP)
            error.hint = "use a folder on a file system that has symbolic links";
        return fail(std::move(error));
    }
    return AtomicLink(path, temporary);
}

AtomicLink::AtomicLink(AtomicLink&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

AtomicLink::~AtomicLink() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

std::string AtomicLink::temporary_path(const std::string& path) {
    return temporary_name(path, "link");
}

Status AtomicLink::commit() {
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
        return fail(errno_error(errno, "cannot rename into place", path_));
    temporary_.clear();
    const std::string folder = folder_of(path_);
    return sync_folder(folder.empty() ? "." : folder);
}

Publication::Publication(std::string output, std::string immutable, SnapshotKind kind, AtomicFile immutable_sum,
                         AtomicFile immutable_meta, AtomicLink link, AtomicFile sum, AtomicFile meta)
    : output_(std::move(output)),
      immutable_(std::move(immutable)),
      kind_(kind),
      immutable_sum_(std::move(immutable_sum)),
      immutable_meta_(std::move(immutable_meta)),
      link_(std::move(link)),
      sum_(std::move(sum)),
      meta_(std::move(meta)) {}

Result<Publication> Publication::prepare(const std::string& output, const ExportReport& report) {
    const std::string fixed = file_name(output);
    const std::string immutable =
        ImmutableName{fixed, report.height, to_hex(report.file_sha256.view()).substr(0, kSha8)}.text();
    IOSWARM_TRY(auto immutable_sum,
                write_text(sum_name(output), kImmutableWriter, sum_text(report, immutable)));
    IOSWARM_TRY(auto immutable_meta,
                write_text(own_meta_name(output), kImmutableWriter, meta_text(report, immutable, {})));
    IOSWARM_TRY(auto link, AtomicLink::create(output, immutable));
    IOSWARM_TRY(auto sum, write_text(sum_name(output), {}, sum_text(report, fixed)));
    IOSWARM_TRY(auto meta, write_text(meta_name(output), fixed, meta_text(report, fixed, immutable)));
    Publication out(output, folder_of(output) + immutable, report.kind(), std::move(immutable_sum),
                    std::move(immutable_meta), std::move(link), std::move(sum), std::move(meta));
    out.sha256_ = to_hex(report.file_sha256.view());
    out.bytes_ = report.file_bytes;
    return out;
}

std::vector<std::string> Publication::immutable_files() const {
    return {immutable_, sum_name(immutable_), own_meta_name(immutable_)};
}

/// Whether the same bytes are published under the immutable name, with companions that name their digest. The
/// name has only a part of the digest, so the file is read.
bool Publication::is_published_already() const {
    struct stat info {};
    if (::lstat(immutable_.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
        static_cast<std::uint64_t>(info.st_size) != bytes_)
        return false;
    constexpr std::size_t kMaxCompanionBytes = std::size_t{1} << 20U;
    for (const std::string& companion : {sum_name(immutable_), own_meta_name(immutable_)}) {
        const auto text = read_file(companion, kMaxCompanionBytes);
        if (!text || text->find(sha256_) == std::string::npos) return false;
    }
    const auto digest = FileDigest(immutable_).get();
    return digest && to_hex(digest->view()) == sha256_;
}

Status Publication::commit_immutable(AtomicFile& file) {
    // Who downloads the file now must be able to go on with it, so its time and its ETag stay too.
    if (is_published_already()) return {};
    IOSWARM_DO(immutable_sum_.commit_as(sum_name(immutable_)));
    IOSWARM_DO(immutable_meta_.commit_as(own_meta_name(immutable_)));
    return file.commit_as(immutable_);
}

/// An Account+Code snapshot is described before a full one, whichever is newer. But the description of this
/// very output must not stay, because its file would be another one.
bool Publication::replaces_description() const {
    const auto now = read_folder_description(output_);
    if (!now || now->file == file_name(output_) || now->kind <= kind_) return true;
    const std::string described = folder_of(output_) + (now->immutable.empty() ? now->file : now->immutable);
    return !is_regular_file(described);
}

Status Publication::commit(AtomicFile& file, const FolderLock& /*held*/) {
    const bool was_there = is_regular_file(immutable_);
    if (auto done = commit_immutable(file); !done) {
        // The same content may have been published before. Then it is still in use.
        if (!was_there) {
            for (const std::string& path : immutable_files())
                ::unlink(path.c_str());
        }
        return done;
    }
    const bool describes = replaces_description();
    Status rest = link_.commit();
    if (rest) rest = sum_.commit();
    if (rest && describes) rest = meta_.commit();
    described_ = rest && describes;
    if (rest) return {};
    Error error = rest.error();
    error.hint =
        escape_for_display(immutable_) +
        " is new and whole, and what lies beside it may describe the one before: make the snapshot again";
    return fail(std::move(error));
}

std::vector<std::string> publication_temporaries(const std::string& output) {
    const std::string writer(kImmutableWriter);
    return {temporary_name(sum_name(output), writer), temporary_name(own_meta_name(output), writer),
            AtomicLink::temporary_path(output), temporary_name(sum_name(output)),
            temporary_name(meta_name(output), file_name(output))};
}

}  // namespace ioswarm::snapshot
