// SPDX-License-Identifier: Apache-2.0
// A process is killed at each of its writing system calls. Its log stays contiguous, holds everything that was
// acknowledged, and can be continued. The same file goes through hundreds of kills, so recovery from one kill
// is interrupted by the next.

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include <catch2/catch.hpp>

#include "core/diffs/diff_chain.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "test/support/diff_rows.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;

namespace {

constexpr std::uint64_t kHeld = 25;

/// One life of the process: opens the log, appends single rows and groups, prunes, closes. It reports
/// acknowledged heights through the pipe.
void live(const std::string& file, int acknowledged) {
    const auto store = SqliteDiffStore::open(file);
    if (!store) _exit(2);
    for (const std::uint64_t count : {1U, 1U, 6U, 1U, 12U, 1U}) {
        const std::uint64_t next = (*store)->range().tip + 1;
        if (!(*store)->append(test::some_rows(next, count, count == 6 ? 3000 : 40))) _exit(3);
        const std::uint64_t tip = next + count - 1;
        if (::write(acknowledged, &tip, sizeof tip) != sizeof tip) _exit(4);
        if (tip > kHeld && !(*store)->prune(tip - kHeld, 8)) _exit(5);
    }
}

bool writes(long call) {
    constexpr std::array kCalls{
        SYS_write,     SYS_pwrite64,  SYS_pwritev,  SYS_fdatasync, SYS_fsync,
        SYS_ftruncate, SYS_fallocate, SYS_unlinkat, SYS_renameat2,
#ifdef SYS_unlink
        SYS_unlink,    SYS_rename,
#endif
    };
    for (const long one : kCalls) {
        if (one == call) return true;
    }
    return false;
}

struct Death {
    bool was_killed = false;
    int exit_code = 0;
    std::uint64_t acknowledged = 0;
};

/// Lets a child run until it enters, or returns from, its `last`-th writing system call.
Death live_until(const std::string& file, int last) {
    std::array<int, 2> pipe_ends{};
    REQUIRE(pipe(pipe_ends.data()) == 0);
    const pid_t child = fork();
    if (child == 0) {
        ::close(pipe_ends[0]);
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        live(file, pipe_ends[1]);
        _exit(0);
    }
    ::close(pipe_ends[1]);
    Death out;
    int status = 0;
    waitpid(child, &status, 0);
    REQUIRE(WIFSTOPPED(status));
    ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD);
    bool writing = false;
    for (int stops = 0; stops < last;) {
        ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
        waitpid(child, &status, 0);
        if (!WIFSTOPPED(status)) break;
        __ptrace_syscall_info info{};
        ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) writing = writes(static_cast<long>(info.entry.nr));
        if (writing) ++stops;
    }
    if (WIFSTOPPED(status)) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        out.was_killed = true;
    } else {
        out.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    while (::read(pipe_ends[0], &out.acknowledged, sizeof out.acknowledged) == sizeof out.acknowledged) {
    }
    ::close(pipe_ends[0]);
    return out;
}

/// Checks that the rows held are contiguous, equal to those appended, and linked by the right chain.
void check_log(const DiffStore& store, std::uint64_t acknowledged) {
    const DiffRange held = store.range();
    CHECK(held.tip >= acknowledged);
    if (held.empty()) return;
    std::uint64_t next = held.floor;
    while (next <= held.tip) {
        const auto rows = store.read(next, 64, std::size_t{1} << 30);
        if (!rows) FAIL(rows.error().text());
        for (const DiffRow& row : *rows) {
            REQUIRE(row.height == next);
            const bool is_small = row.record == test::some_row(next, 40).record;
            CHECK((is_small || row.record == test::some_row(next, 3000).record));
            ++next;
        }
    }
}

}  // namespace

TEST_CASE(
    "a log whose writer is killed at any write is contiguous and has every acknowledged diff [defect-32]") {
    const test::TempDir dir;
    const std::string file = dir.path("statediffs.db");
    int kills = 0;
    int whole_lives = 0;
    std::uint64_t acknowledged = 0;
    while (kills < 500) {
        // From the first call to the last, again and again, on the log as the last kill left it.
        for (int last = 1;; ++last) {
            const Death death = live_until(file, last);
            INFO("killed at stop " << last << " of life " << kills + whole_lives);
            CHECK(death.exit_code == 0);
            acknowledged = std::max(acknowledged, death.acknowledged);
            if (acknowledged > 0) {
                // Reading leaves the WAL to the next life. Now and then a writer merges it into the file.
                const auto store =
                    kills % 10 == 9 ? SqliteDiffStore::open(file) : SqliteDiffStore::open_read_only(file);
                if (!store) FAIL(store.error().text());
                check_log(**store, acknowledged);
            }
            if (!death.was_killed) {
                ++whole_lives;
                break;
            }
            ++kills;
        }
    }
    CHECK(whole_lives > 0);
    CHECK(acknowledged > 100);
}
