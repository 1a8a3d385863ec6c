// SPDX-License-Identifier: Apache-2.0
#include "test/support/program.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ioswarm::test {
namespace {

constexpr long long kPatienceMs = 60'000;

long long now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

/// Appends the data that is available. At the end of the stream, closes `fd` and sets it to -1.
void drain(int& fd, std::string& into) {
    std::array<char, 4096> buffer{};
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got > 0) {
        into.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
        close(fd);
        fd = -1;
    }
}

}  // namespace

Program::Program(std::vector<std::string> arguments, std::vector<std::string> environment) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    environment.emplace_back("PATH=/usr/bin:/bin");
    environment.emplace_back("HOME=/nonexistent");
    // A test that names a state directory keeps locks of wallets there, also those of the programs that it
    // starts.
    for (const char* name :
         {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "XDG_STATE_HOME"}) {
        if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
    }
    std::vector<char*> argv = pointers(arguments);
    std::vector<char*> envp = pointers(environment);
    if (posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data()) != 0) std::abort();
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    out_fd_ = out[0];
    err_fd_ = err[0];
    pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (pid_fd_ < 0) std::abort();
}

Program::~Program() {
    if (!code_) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    for (const int fd : {out_fd_, err_fd_, pid_fd_}) {
        if (fd >= 0) close(fd);
    }
}

bool Program::read_some(long long deadline_ms) {
    std::array<pollfd, 2> polled{pollfd{out_fd_, POLLIN, 0}, pollfd{err_fd_, POLLIN, 0}};
    const long long left = deadline_ms - now_ms();
    if ((out_fd_ < 0 && err_fd_ < 0) || left <= 0) return false;
    poll(polled.data(), polled.size(), static_cast<int>(left));
    if ((polled[0].revents & (POLLIN | POLLHUP)) != 0) drain(out_fd_, out_);
    if ((polled[1].revents & (POLLIN | POLLHUP)) != 0) drain(err_fd_, err_);
    return true;
}

bool Program::wait_for(std::string_view text) {
    const long long deadline = now_ms() + kPatienceMs;
    while (err_.find(text) == std::string::npos) {
        if (err_fd_ < 0 || !read_some(deadline)) return false;
    }
    return true;
}

std::optional<std::string> Program::wait_for_line(std::string_view start) {
    const long long deadline = now_ms() + kPatienceMs;
    std::size_t line = 0;
    while (true) {
        const std::size_t end = out_.find('\n', line);
        if (end == std::string::npos) {
            if (out_fd_ < 0 || !read_some(deadline)) return std::nullopt;
        } else if (out_.compare(line, start.size(), start) == 0) {
            return out_.substr(line + start.size(), end - line - start.size());
        } else {
            line = end + 1;
        }
    }
}

void Program::send(int signal) const {
    if (!code_) kill(pid_, signal);
}

int Program::wait() {
    if (code_) return *code_;
    const long long deadline = now_ms() + kPatienceMs;
    while (read_some(deadline)) {
    }
    pollfd ended{pid_fd_, POLLIN, 0};
    const long long left = deadline - now_ms();
    const bool in_time = poll(&ended, 1, left > 0 ? static_cast<int>(left) : 0) == 1;
    if (!in_time) kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    code_ = !in_time ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return *code_;
}

ProgramRun run_program(std::vector<std::string> arguments, std::vector<std::string> environment) {
    Program program(std::move(arguments), std::move(environment));
    const int code = program.wait();
    return ProgramRun{code, program.out(), program.err()};
}

}  // namespace ioswarm::test
