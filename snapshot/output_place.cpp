// SPDX-License-Identifier: Apache-2.0
#include "snapshot/output_place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include "core/base/atomic_file.hpp"
#include "core/base/text.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/output_lock.hpp"

namespace ioswarm::snapshot {
namespace {

std::string name_of(const std::string& output) {
    return output.substr(output.rfind('/') + 1);
}

/// The three names that the result is published under.
std::vector<std::string> published_names(const std::string& output) {
    return {output, sum_name(output), meta_name(output)};
}

std::vector<std::string> written_names(const std::string& output) {
    std::vector<std::string> names = published_names(output);
    names.push_back(temporary_name(output));
    names.push_back(temporary_name(sum_name(output)));
    names.push_back(temporary_name(meta_name(output), name_of(output)));
    names.push_back(OutputLock::path_for(output));
    return names;
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

Status check_one_replaceable(const std::string& path, const std::string& folder) {
    struct statx info {};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info) != 0) return {};
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

}  // namespace

std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);  // without a '/' rfind() gives npos, and npos + 1 is 0
}

Status check_replaceable(const std::string& output) {
    for (const std::string& path : published_names(output)) {
        if (auto good = check_one_replaceable(path, folder_of(output)); !good) return good;
    }
    return {};
}

Status check_output_place(const std::string& output, const std::vector<JobInput>& inputs) {
    const auto refuse = [&](std::string why) {
        return fail(ErrorCode::usage, "cannot make the snapshot", output, std::move(why),
                    "name another file: --output FILE");
    };
    if (name_of(output).empty()) return refuse("the name is that of a folder");
    if (name_of(output) == kMetaName) return refuse("the description of the snapshot gets that name");
    const auto folder = look_at(folder_of(output) + ".");
    for (const JobInput& input : inputs) {
        const auto read = look_at(input.path);
        if (!read) continue;
        if (folder && is_same(*read, *folder)) return refuse("nothing is ever written into a node's database");
        for (const std::string& name : written_names(output)) {
            const auto written = look_at(name);
            if (!written || !is_same(*read, *written) || (input.may_be_output && name == output)) continue;
            return refuse(
                fmt::format("{} {} would be overwritten: the job writes to {}", input.what, input.path, name));
        }
    }
    return check_replaceable(output);
}

}  // namespace ioswarm::snapshot
