// SPDX-License-Identifier: Apache-2.0
#include "cli/contracts/service_directory.hpp"

#include <cerrno>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/descriptor.hpp"
#include "core/base/sync_folder.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

constexpr const char* kCannotMakeDirectory = "cannot make the directory of the service";

/// Returns false when there is no such user. `memory` is the buffer that `out` points into; keep it as long as
/// `out`.
Result<bool> find_user(const std::string& name, passwd& out, std::vector<char>& memory) {
    constexpr std::size_t kUserEntryBytes =
        16'384;  // far more than sysconf(_SC_GETPW_R_SIZE_MAX) suggests (1,024)
    memory.resize(kUserEntryBytes);
    passwd* found = nullptr;
    const int failed = ::getpwnam_r(name.c_str(), &out, memory.data(), memory.size(), &found);
    if (failed != 0) return fail(errno_error(failed, "cannot look up the user", name));
    return found != nullptr;
}

bool holds_only_sent(const std::filesystem::path& directory) {
    std::error_code failed;
    for (auto entry = std::filesystem::directory_iterator(directory, failed);
         !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
        if (entry->path().filename() != kSentDirectory) return false;
    }
    return !failed;
}

}  // namespace

Status make_service_directory(const std::filesystem::path& directory, const std::string& user) {
    std::error_code ignored;
    std::filesystem::create_directories(directory.parent_path(), ignored);
    const bool is_made = ::mkdir(directory.c_str(), 0700) == 0;
    if (!is_made && errno != EEXIST) return fail(errno_error(errno, kCannotMakeDirectory, directory.string()));
    // The new directory must survive a crash, whoever owns it.
    if (is_made) IOSWARM_DO(sync_folder(directory.parent_path().string()));
    passwd owner{};
    std::vector<char> memory;
    IOSWARM_TRY(const auto found, find_user(user, owner, memory));
    if (!found) return {};
    IOSWARM_TRY(const auto opened,
                open_file(directory.string(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, kCannotMakeDirectory));
    struct stat info {};
    const auto failed = [&] { return fail(errno_error(errno, kCannotMakeDirectory, directory.string())); };
    if (::fstat(opened.get(), &info) != 0) return failed();
    const bool may_change_owner = info.st_uid == ::geteuid() && (is_made || holds_only_sent(directory));
    if (may_change_owner &&
        (::fchown(opened.get(), owner.pw_uid, owner.pw_gid) != 0 || ::fchmod(opened.get(), 0700) != 0))
        return failed();
    return {};
}

}  // namespace ioswarm::cli
