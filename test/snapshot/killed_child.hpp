// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iterator>

#include <catch2/catch.hpp>

namespace ioswarm::test {

/// System calls that can change the disk or the owner of a lock. They come in the same order in each run.
/// Reads, and waits for other threads, do not.
inline bool is_step(unsigned long long call) {
    static constexpr unsigned long long kSteps[] = {
        SYS_openat,    SYS_write,     SYS_pwrite64, SYS_writev,    SYS_fsync,
        SYS_fdatasync, SYS_renameat2, SYS_unlinkat, SYS_symlinkat, SYS_ftruncate,
        SYS_fallocate, SYS_fchmod,    SYS_flock,    SYS_fcntl,     SYS_sync_file_range,
#ifdef SYS_rename  // newer architectures have only the calls that end in "at"
        SYS_rename,    SYS_unlink,    SYS_mkdir,    SYS_link,      SYS_symlink,
#endif
    };
    return std::find(std::begin(kSteps), std::end(kSteps), call) != std::end(kSteps);
}

/// Runs `job` (which returns true on success) in a child process. Each entry to a step of its first thread, and
/// each return from one, is a stop. Kills the child at stop number `last`. Returns the number of stops, which
/// is smaller than `last` if the job ended before.
template <typename Job>
int killed_at(int last, Job&& job) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        ::_exit(job() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSTOPPED(status));
    // Without it, stops at system calls cannot be told from signals.
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD);
    bool in_step = false;
    for (int stops = 0; stops < last;) {
        ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
        ::waitpid(child, &status, 0);
        if (WIFEXITED(status)) {
            CHECK(WEXITSTATUS(status) == 0);
            return stops;
        }
        __ptrace_syscall_info info{};
        ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info);
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) in_step = is_step(info.entry.nr);
        if (in_step && info.op != PTRACE_SYSCALL_INFO_NONE) ++stops;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return last;
}

}  // namespace ioswarm::test
