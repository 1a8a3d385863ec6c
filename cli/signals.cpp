// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>

#include <unistd.h>

#include "cli/exit_code.hpp"

namespace ioswarm::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1})
        sigaddset(&set, signal);
    return set;
}

/// SIGUSR1, sent by ourselves to this one thread, means that a field changed; from outside it means nothing.
constexpr int kWake = SIGUSR1;

}  // namespace

void block_hangup() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void block_signals() {
    const sigset_t set = watched_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

SignalWatch::SignalWatch(std::function<void()> on_hangup, Log log)
    : on_hangup_(std::move(on_hangup)), log_(std::move(log)), thread_([this] { run(); }) {}

SignalWatch::~SignalWatch() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    pthread_kill(thread_.native_handle(), kWake);
    thread_.join();
}

void SignalWatch::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return asked_to_end_; });
}

void SignalWatch::limit_shutdown(std::chrono::milliseconds within) {
    {
        const std::lock_guard lock(mutex_);
        deadline_ = SteadyClock::now() + within;
    }
    pthread_kill(thread_.native_handle(), kWake);
}

void SignalWatch::run() {
    const sigset_t set = watched_signals();
    while (true) {
        timespec timeout{3600, 0};
        {
            const std::lock_guard lock(mutex_);
            if (over_) return;
            if (deadline_ != SteadyClock::time_point::max()) {
                const auto left = std::max(deadline_ - SteadyClock::now(), SteadyClock::duration::zero());
                const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
                timeout = {seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
            }
        }
        const int signal = sigtimedwait(&set, nullptr, &timeout);
        if (signal == SIGHUP) on_hangup_();
        if (signal == SIGINT || signal == SIGTERM) {
            const std::lock_guard lock(mutex_);
            const ExitCode code = signal == SIGINT ? ExitCode::interrupted : ExitCode::terminated;
            if (asked_to_end_) _exit(static_cast<int>(code));
            log_.info("{}: ending; a second signal ends at once", signal == SIGINT ? "SIGINT" : "SIGTERM");
            asked_to_end_ = true;
            changed_.notify_all();
        }
        const std::lock_guard lock(mutex_);
        if (!over_ && SteadyClock::now() >= deadline_) {
            log_.error("something did not end in time: leaving without it");
            _exit(static_cast<int>(ExitCode::ok));
        }
    }
}

}  // namespace ioswarm::cli
