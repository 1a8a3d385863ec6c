// SPDX-License-Identifier: Apache-2.0
#include "snapshot/output_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "core/base/atomic_file.hpp"
#include "core/base/same_place.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/immutable_name.hpp"
#include "snapshot/older_snapshots.hpp"
#include "snapshot/output_lock.hpp"
#include "snapshot/publication.hpp"

namespace ioswarm::snapshot {

std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);  // without a '/' rfind() gives npos, and npos + 1 is 0
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

namespace {

/// Longer names are refused: those of the immutable files and of the temporary files are up to 37 bytes longer,
/// and a file system takes 255 bytes.
constexpr std::size_t kMaxNameBytes = 255 - 37;

/// The three fixed names of the result.
std::vector<std::string> published_names(const std::string& output) {
    return {output, sum_name(output), meta_name(output)};
}

std::vector<std::string> written_names(const std::string& output) {
    std::vector<std::string> names = published_names(output);
    names.push_back(temporary_name(output));
    names.push_back(OutputLock::path_for(output));
    for (std::string& name : publication_temporaries(output))
        names.push_back(std::move(name));
    return names;
}

/// The older snapshots of this output with their companions.
std::vector<std::string> older_files(const std::string& output) {
    std::vector<std::string> out;
    for (const std::string& name : immutable_names_of(output)) {
        const std::string path = folder_of(output) + name;
        for (const std::string& file : {path, sum_name(path), own_meta_name(path)})
            out.push_back(file);
    }
    return out;
}

/// Links are followed, because the file counts and not its name.
std::optional<struct stat> look_at(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return std::nullopt;
    return info;
}

bool is_same(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// In a folder with the sticky bit (such as /tmp) a user may replace only their own files.
bool is_kept_by_sticky_folder(const std::string& folder, const struct statx& file) {
    const auto info = look_at(folder.empty() ? "." : folder);
    const uid_t user = ::geteuid();
    return info && (info->st_mode & S_ISVTX) != 0 && user != 0 && file.stx_uid != user && info->st_uid != user;
}

/// A link stays unless an export or a roll of the output `name` made it. Replacing any other one would take
/// away what the operator meant it for, such as a place on another disk, or a device.
Status check_link(const std::string& path, const std::string& name) {
    std::error_code failed;
    const std::string target = std::filesystem::read_symlink(path, failed).string();
    const auto immutable = ImmutableName::parse(target);
    if (name_of(path) == name && immutable && immutable->output == name) return {};
    return fail(ErrorCode::usage, "cannot replace the file", path,
                failed ? "it is a symbolic link that cannot be read"
                       : fmt::format("it is a symbolic link to {}, which no export made", target),
                "remove the link, or name the place where the snapshot is to lie with --output");
}

/// `output` is the path that the snapshot is published under.
Status check_one_replaceable(const std::string& path, const std::string& output) {
    const std::string folder = folder_of(output);
    struct statx info {};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info) != 0) return {};
    if (S_ISLNK(info.stx_mode)) {
        IOSWARM_DO(check_link(path, name_of(output)));
    }
    const auto refuse = [&](ErrorCode code, std::string why, std::string hint) {
        return fail(code, "cannot replace the file", path, std::move(why), std::move(hint));
    };
    const std::string move_away = "move it away, or give the snapshot another name with --output";
    if (!S_ISREG(info.stx_mode) && !S_ISLNK(info.stx_mode))
        return refuse(ErrorCode::usage,
                      S_ISDIR(info.stx_mode) ? "it is a directory" : "it is not a regular file", move_away);
    if ((info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
        return refuse(ErrorCode::usage, "another file is mounted on it",
                      "mount its folder instead of the file");
    if ((info.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0)
        return refuse(ErrorCode::permission_denied, "it is marked as immutable or append-only",
                      "chattr -ia " + escape_for_display(path));
    if (is_kept_by_sticky_folder(folder, info))
        return refuse(
            ErrorCode::permission_denied,
            fmt::format("it belongs to user {}, and the sticky bit of its folder protects it", info.stx_uid),
            "run as that user, or use a folder of your own");
    return {};
}

Error cannot_make(const std::string& output, std::string why) {
    return {ErrorCode::usage, "cannot make the snapshot", output, std::move(why),
            "name another file: --output FILE"};
}

/// `names` are files that the job writes or deletes. The base of a roll may be one of `may_be_base`.
Status check_apart(const std::string& output, const std::vector<JobInput>& inputs,
                   const std::vector<std::string>& names, const std::vector<std::string>& may_be_base) {
    for (const JobInput& input : inputs) {
        for (const std::string& name : names) {
            const bool is_allowed = input.may_be_output && std::find(may_be_base.begin(), may_be_base.end(),
                                                                     name) != may_be_base.end();
            // Compare names too: SQLite deletes a file that is later made under the name of a log's WAL.
            if (is_allowed || !is_same_place(input.path, name)) continue;
            return fail(cannot_make(output, fmt::format("{} {} would be overwritten: the job writes to {}",
                                                        input.what, input.path, name)));
        }
    }
    return {};
}

Status check_all_replaceable(const std::vector<std::string>& paths, const std::string& output) {
    for (const std::string& path : paths) {
        IOSWARM_DO(check_one_replaceable(path, output));
    }
    return {};
}

}  // namespace

Status check_replaceable(const std::string& output, const std::vector<std::string>& immutable,
                         const std::vector<JobInput>& inputs) {
    IOSWARM_DO(check_apart(output, inputs, immutable, {}));
    IOSWARM_DO(check_all_replaceable(immutable, output));
    return check_all_replaceable(published_names(output), output);
}

Status check_output_place(const std::string& output, const std::vector<JobInput>& inputs) {
    const std::string name = name_of(output);
    if (name.empty()) return fail(cannot_make(output, "the name is that of a folder"));
    if (name == kMetaName) return fail(cannot_make(output, "the description of the snapshot gets that name"));
    if (name.size() > kMaxNameBytes) {
        return fail(cannot_make(output, fmt::format("the name has {} bytes, and at most {} leave room for the "
                                                    "height and the digest in the names beside it",
                                                    name.size(), kMaxNameBytes)));
    }
    if (ImmutableName::parse(name)) {
        return fail(cannot_make(output,
                                "a name with a height and a digest is that of a snapshot that never "
                                "changes"));
    }
    const auto folder = look_at(folder_of(output) + ".");
    for (const JobInput& input : inputs) {
        const auto read = look_at(input.path);
        if (folder && read && is_same(*read, *folder))
            return fail(cannot_make(output, "nothing is ever written into a node's database"));
    }
    IOSWARM_DO(check_apart(output, inputs, written_names(output), {output}));
    const std::vector<std::string> older = older_files(output);
    IOSWARM_DO(check_apart(output, inputs, older, older));
    return check_all_replaceable(published_names(output), output);
}

}  // namespace ioswarm::snapshot
