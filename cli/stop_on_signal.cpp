// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_on_signal.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace ioswarm::cli {
namespace {

ExitCode code_after(int signal) noexcept {
    return signal == SIGINT ? ExitCode::interrupted : ExitCode::terminated;
}

sigset_t ending_signals() noexcept {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        ::sigaddset(&set, signal);
    return set;
}

}  // namespace

StopOnSignal::StopOnSignal() {
    const sigset_t set = ending_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    over_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread_ = std::jthread([this] { run(); });
}

StopOnSignal::~StopOnSignal() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t told = ::write(over_fd_, &one, sizeof one);
    thread_.join();
    ::close(signals_fd_);
    ::close(over_fd_);
}

void StopOnSignal::run() {
    for (;;) {
        pollfd fds[2] = {{signals_fd_, POLLIN, 0}, {over_fd_, POLLIN, 0}};
        if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
        if ((fds[1].revents & POLLIN) != 0) return;
        signalfd_siginfo info;
        if (::read(signals_fd_, &info, sizeof info) != sizeof info) continue;
        const int signal = static_cast<int>(info.ssi_signo);
        if (signal_ != 0) ::_exit(static_cast<int>(code_after(signal)));
        signal_ = signal;
        stop_.request_stop();
    }
}

ExitCode StopOnSignal::exit_code(ExitCode otherwise) const noexcept {
    const int signal = signal_;
    return signal == 0 ? otherwise : code_after(signal);
}

}  // namespace ioswarm::cli
