// SPDX-License-Identifier: Apache-2.0
#include "test/support/terminal_run.hpp"

#include <array>
#include <cerrno>

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ioswarm::test {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

}  // namespace

TerminalRun run_in_terminal(std::vector<std::string> arguments, std::vector<std::string> environment) {
    const std::vector<char*> argv = pointers_to(arguments);
    const std::vector<char*> envp = pointers_to(environment);
    int terminal = -1;
    const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    TerminalRun out;
    if (pid < 0) return out;
    if (pid == 0) {
        ::execve(argv.front(), argv.data(), envp.data());
        ::_exit(127);
    }
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t got = ::read(terminal, buffer.data(), buffer.size());
        if (got > 0) {
            out.screen.append(buffer.data(), static_cast<std::size_t>(got));
        } else if (got == 0 || errno != EINTR) {
            break;  // EIO: the program has closed the terminal
        }
    }
    ::close(terminal);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return out;
}

}  // namespace ioswarm::test
