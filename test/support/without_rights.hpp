// SPDX-License-Identifier: Apache-2.0
#pragma once

// Directories that cannot be written. Root may write everywhere, so the checks are then made as another user.

#include <filesystem>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

namespace ioswarm::test {

namespace detail {
constexpr unsigned kNobody = 65534;
}

/// Nothing can be made in `dir` any more by who runs the check of holds_without_rights(), who can read all of
/// it.
inline void forbid_writing(const std::filesystem::path& dir) {
    namespace fs = std::filesystem;
    if (geteuid() == 0) {
        REQUIRE(chown(dir.c_str(), detail::kNobody, detail::kNobody) == 0);
        for (const auto& entry : fs::directory_iterator(dir))
            REQUIRE(chown(entry.path().c_str(), detail::kNobody, detail::kNobody) == 0);
    }
    fs::permissions(dir, fs::perms::owner_read | fs::perms::owner_exec);
}

/// Takes back what forbid_writing() did, so that the directory can be deleted.
inline void allow_writing(const std::filesystem::path& dir) {
    std::error_code ignored;
    std::filesystem::permissions(dir, std::filesystem::perms::owner_all, ignored);
}

/// Whether `check` returns true. For root it runs in another process, as a user without rights; its assertions
/// do not count there.
inline bool holds_without_rights(const std::function<bool()>& check) {
    if (geteuid() != 0) return check();
    const pid_t child = fork();
    if (child == 0) {
        if (setgid(detail::kNobody) != 0 || setuid(detail::kNobody) != 0) _exit(2);
        _exit(check() ? 0 : 1);
    }
    int state = 0;
    REQUIRE(waitpid(child, &state, 0) == child);
    return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

}  // namespace ioswarm::test
