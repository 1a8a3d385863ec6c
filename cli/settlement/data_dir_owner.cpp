// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/data_dir_owner.hpp"

#include <array>
#include <cerrno>
#include <optional>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ioswarm::cli {
namespace {

struct Account {
    std::string name;
    gid_t group = 0;
};

std::optional<Account> account_of(uid_t user) {
    std::array<char, 16384> buffer{};
    struct passwd entry {};
    struct passwd* found = nullptr;
    if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    return Account{found->pw_name, found->pw_gid};
}

Status change_user(const std::string& dir, const struct stat& info) {
    constexpr const char* kWhat = "cannot become the owner of the data directory";
    const auto account = account_of(info.st_uid);
    const gid_t group = account ? account->group : info.st_gid;
    const int groups = account ? ::initgroups(account->name.c_str(), group) : ::setgroups(0, nullptr);
    if (groups != 0) return fail(errno_error(errno, kWhat, dir));
    if (::setgid(group) != 0) return fail(errno_error(errno, kWhat, dir));
    if (::setuid(info.st_uid) != 0) return fail(errno_error(errno, kWhat, dir));
    if (::setuid(0) == 0 || ::geteuid() != info.st_uid) {
        return fail(ErrorCode::permission_denied, kWhat, dir, "root's rights did not go away");
    }
    return {};
}

}  // namespace

std::string user_name(uid_t user) {
    const auto account = account_of(user);
    return account ? account->name : fmt::format("'#{}'", user);
}

Status become_owner(const std::string& dir, const std::string& command) {
    struct stat info {};
    if (::stat(dir.c_str(), &info) != 0) {
        const int error = errno;
        if (error != ENOENT && error != ENOTDIR)
            return fail(errno_error(error, "cannot use the data directory", dir));
        return fail(ErrorCode::config, "cannot use the data directory", dir, "it does not exist",
                    "give the --config files that serve gets, or serve's --data-dir");
    }
    if (info.st_uid == ::geteuid()) return {};
    if (::geteuid() == 0) return change_user(dir, info);
    const std::string owner = user_name(info.st_uid);
    return fail(
        ErrorCode::permission_denied, "cannot use the data directory", dir,
        fmt::format("it belongs to user {}, and this process runs as {}", owner, user_name(::geteuid())),
        fmt::format("run it as its owner: sudo -u {} {}", owner, command));
}

}  // namespace ioswarm::cli
