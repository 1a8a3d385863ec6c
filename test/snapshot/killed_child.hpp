// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <catch2/catch.hpp>

namespace ioswarm::test {

/// Runs `job` (true: it succeeded) in a child that stops at each entry to and return from a system call of its
/// first thread, and kills it at the `last`-th. Gives the stops made: fewer where it was through before.
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
    for (int stop = 0; stop < last; ++stop) {
        ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
        ::waitpid(child, &status, 0);
        if (WIFEXITED(status)) {
            CHECK(WEXITSTATUS(status) == 0);
            return stop;
        }
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return last;
}

}  // namespace ioswarm::test
