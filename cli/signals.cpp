// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace ioswarm::cli {
namespace {

/// Exit code of a forced end. It is the same for every signal, so that a script can tell a forced end from a
/// clean one.
constexpr int kForcedEnd = 1;

ExitCode code_after(int signal) noexcept {
    return signal == SIGINT ? ExitCode::interrupted : ExitCode::terminated;
}

const char* name_of(int signal) noexcept {
    return signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "SIGHUP";
}

sigset_t set_of(std::initializer_list<int> signals) noexcept {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : signals)
        ::sigaddset(&set, signal);
    return set;
}

}  // namespace

void block_hangup() {
    const sigset_t set = set_of({SIGHUP});
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

SignalReader::SignalReader(SignalPlan plan) : plan_(std::move(plan)) {
    const sigset_t set = set_of({SIGINT, SIGTERM, SIGHUP});
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    over_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    thread_ = std::jthread([this] { run(); });
}

SignalReader::~SignalReader() {
    raise_event(over_.get());
    thread_.join();
}

ExitCode SignalReader::exit_code(ExitCode otherwise) const noexcept {
    const int signal = signal_;
    return signal == 0 ? otherwise : code_after(signal);
}

// After the first signal no signal is read for kSecondSignalAfter. Signals that arrive meanwhile are then
// discarded. Comparing the times at which two signals are read would not work: both may have arrived together
// while this thread was not scheduled.
void SignalReader::run() {
    for (;;) {
        const SteadyTime before = std::chrono::steady_clock::now();
        if (!wait_for_event(before)) return;
        const SteadyTime now = std::chrono::steady_clock::now();
        if (now >= deadline_) end_late();
        if (now < counts_again_) continue;
        if (counts_again_ != SteadyTime::min() && before < counts_again_) {
            discard_signals();
            continue;
        }
        signalfd_siginfo info;
        if (::read(signals_.get(), &info, sizeof info) == sizeof info)
            on_signal(static_cast<int>(info.ssi_signo), now);
    }
}

/// Returns false once the destructor has begun.
bool SignalReader::wait_for_event(SteadyTime now) const {
    using std::chrono::milliseconds;
    const bool hears = now >= counts_again_;
    const SteadyTime until = hears ? deadline_ : std::min(deadline_, counts_again_);
    int timeout_ms = -1;
    if (until != SteadyTime::max())
        timeout_ms = static_cast<int>(std::chrono::ceil<milliseconds>(std::max(until - now, {})).count());
    std::array<pollfd, 2> fds{{{over_.get(), POLLIN, 0}, {hears ? signals_.get() : -1, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), timeout_ms) < 0) return errno == EINTR;
    return (fds[0].revents & POLLIN) == 0;
}

void SignalReader::on_signal(int signal, SteadyTime now) {
    if (signal == SIGHUP && plan_.on_hangup) {
        plan_.on_hangup();
        return;
    }
    if (signal_ != 0) force_end("a second signal came");
    plan_.log.info("{}: ending; a second signal after one second or more ends at once", name_of(signal));
    counts_again_ = now + kSecondSignalAfter;
    if (plan_.end_within.count() != 0) deadline_ = now + plan_.end_within;
    signal_ = signal;
    signal_.notify_all();
    stop_.request_stop();
}

void SignalReader::discard_signals() const {
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    }
}

void SignalReader::end_late() const {
    if (!plan_.may_end_early || !plan_.may_end_early()) force_end("something did not end in time");
    plan_.log.warn(
        "the files could not be closed in time (is the disk slow?): ending without that; what was acknowledged "
        "is "
        "on disk, and the next start continues from it");
    if (plan_.before_forced_end) plan_.before_forced_end();
    ::_exit(0);
}

void SignalReader::force_end(const char* why) const {
    plan_.log.error("{}: ending at once with exit code {}; what was acknowledged is on disk", why, kForcedEnd);
    if (plan_.before_forced_end) plan_.before_forced_end();
    ::_exit(kForcedEnd);
}

}  // namespace ioswarm::cli
