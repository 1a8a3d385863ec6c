// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/agent_list.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/settlement/data_dir_owner.hpp"
#include "core/auth/access.hpp"
#include "core/base/atomic_file.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace agent_lists {
namespace {

constexpr const char* kCannotChange = "cannot change the list of agents";
constexpr std::size_t kMaxListBytes = std::size_t{256} << 20U;
constexpr std::chrono::seconds kEditPatience{5};
constexpr std::chrono::milliseconds kEditPause{50};

std::string_view entry_of(std::string_view line) {
    line = line.substr(0, line.find('#'));
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

/// Locks the folder, so that two commands do not edit a list in it at the same time. The lock is held as long
/// as the result exists. Other programs do not know of it.
Result<Descriptor> lock_folder(const std::string& folder) {
    IOSWARM_TRY(auto handle, open_file(folder, O_RDONLY | O_DIRECTORY, kCannotChange));
    const auto deadline = std::chrono::steady_clock::now() + kEditPatience;
    while (::flock(handle.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return fail(errno_error(errno, kCannotChange, folder));
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorCode::try_again, kCannotChange, folder,
                        "another edit of a list there does not end");
        std::this_thread::sleep_for(kEditPause);
    }
    return handle;
}

struct Wanted {
    uid_t user = 0;
    gid_t group = 0;
    mode_t mode = 0600;
};

/// Sets the owner and mode of the new file. It does so through a descriptor, because somebody could have put
/// another file under that name meanwhile.
Status give(const std::string& path, const Wanted& wanted) {
    IOSWARM_TRY(const auto file, open_file(path, O_RDONLY | O_NOFOLLOW, kCannotChange));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return fail(errno_error(errno, kCannotChange, path));
    const bool other_owner = info.st_uid != wanted.user || info.st_gid != wanted.group;
    if (other_owner && ::fchown(file.get(), wanted.user, wanted.group) != 0) {
        return fail(ErrorCode::permission_denied, kCannotChange, path,
                    fmt::format("it would no longer belong to user {}", user_name(wanted.user)),
                    fmt::format("run it as that user (sudo -u {}) or as root", user_name(wanted.user)));
    }
    if (::fchmod(file.get(), wanted.mode) != 0) return fail(errno_error(errno, kCannotChange, path));
    return {};
}

/// Returns the file that a symbolic link leads to. That file is replaced, so that the link itself stays.
Result<std::string> target_of(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (real) return std::string(real.get());
    const int why = errno;
    struct stat info {};
    if (why == ENOENT && ::lstat(path.c_str(), &info) == 0)
        return fail(ErrorCode::not_found, kCannotChange, path, "it is a link to a file that does not exist");
    if (why == ENOENT) return path;
    return fail(errno_error(why, kCannotChange, path));
}

Error explained(Error error, const std::string& path) {
    error.what = kCannotChange;
    if (error.which.empty()) error.which = path;
    if (error.code == ErrorCode::permission_denied && error.hint.empty())
        error.hint = fmt::format("run it as a user that may write {} and its folder, or as root", path);
    return error;
}

}  // namespace
}  // namespace agent_lists

AgentList::AgentList(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines_.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

bool AgentList::has(std::string_view entry) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const std::string& line) { return agent_lists::entry_of(line) == entry; });
}

std::vector<std::string> AgentList::patterns_for(std::string_view id) const {
    std::vector<std::string> out;
    for (const std::string& line : lines_) {
        const std::string_view entry = agent_lists::entry_of(line);
        if (is_agent_pattern(entry) && agent_matches(entry, id)) out.emplace_back(entry);
    }
    return out;
}

bool AgentList::add(std::string_view entry) {
    if (has(entry)) return false;
    lines_.emplace_back(entry);
    return true;
}

bool AgentList::remove(std::string_view entry) {
    bool found = false;
    std::vector<std::string> kept;
    kept.reserve(lines_.size());
    for (std::string& line : lines_) {
        if (agent_lists::entry_of(line) != entry) {
            kept.push_back(std::move(line));
            continue;
        }
        found = true;
        if (line.find('#') != std::string::npos) kept.push_back("# " + line);
    }
    lines_ = std::move(kept);
    return found;
}

std::string AgentList::text() const {
    std::string out;
    for (const std::string& line : lines_)
        out += line + "\n";
    return out;
}

Status check_list_entry(std::string_view entry) {
    if (!is_valid_agent_id(entry)) {
        return fail(ErrorCode::usage, "cannot put this into a list of agents", std::string(entry),
                    "an agent's id has 1 to 128 visible ASCII characters and no space");
    }
    if (entry.find('#') != std::string_view::npos) {
        return fail(ErrorCode::usage, "cannot put this into a list of agents", std::string(entry),
                    "a # begins a comment there", "write ? instead, which stands for any character");
    }
    return {};
}

Result<bool> edit_list(const ListEdit& edit) {
    using namespace agent_lists;
    const Result<std::string> target = target_of(edit.path);
    if (!target) return fail(explained(target.error(), edit.path));
    const std::string folder = std::filesystem::path(*target).parent_path().string();
    const Result<Descriptor> lock = lock_folder(folder.empty() ? "." : folder);
    if (!lock) return fail(explained(lock.error(), edit.path));
    const Result<std::string> before = read_file(*target, kMaxListBytes);
    const bool is_new = !before && before.error().code == ErrorCode::not_found;
    if (!before && (!is_new || edit.create_for.empty())) return fail(explained(before.error(), edit.path));
    struct stat info {};
    if (::stat(is_new ? edit.create_for.c_str() : target->c_str(), &info) != 0)
        return fail(explained(errno_error(errno, kCannotChange, edit.path), edit.path));
    AgentList list(is_new ? std::string_view() : std::string_view(*before));
    if (!edit.change(list)) return false;
    auto file = AtomicFile::create(*target, 0600, "edit");
    if (!file) return fail(explained(file.error(), edit.path));
    const Wanted wanted{info.st_uid, info.st_gid, is_new ? mode_t{0600} : info.st_mode & 07777};
    Status done = give(file->temporary_path(), wanted);
    if (done) done = file->write(as_bytes(list.text()));
    if (done) done = file->commit();
    if (!done) return fail(explained(done.error(), edit.path));
    return true;
}

}  // namespace ioswarm::cli
