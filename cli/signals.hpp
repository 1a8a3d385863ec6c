// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

#include "cli/exit_code.hpp"
#include "core/base/log.hpp"

namespace ioswarm::cli {

/// Blocks SIGHUP alone. A SIGHUP that comes while the configuration is read then waits for the SignalReader,
/// and SIGINT and SIGTERM still end the process, also while it waits for a file.
void block_hangup();

/// What a SignalReader does besides asking for the end.
struct SignalPlan {
    /// Called on the reader's thread for each SIGHUP; it must not wait for anything. Empty: SIGHUP asks for the
    /// end, as SIGTERM does.
    std::function<void()> on_hangup{};
    /// How long after the first SIGINT or SIGTERM the process may still run. Then the reader ends it. Zero: as
    /// long as it likes.
    std::chrono::milliseconds end_within{0};
    /// Told of the first signal and of a forced end.
    Log log{};
    /// Called on the reader's thread before a forced end, for what must still be written. It must end by
    /// itself.
    std::function<void()> before_forced_end{};
};

/// The only place where the program reads signals: one thread waits for SIGINT, SIGTERM and SIGHUP. The first
/// SIGINT or SIGTERM asks the program to stop and to tidy up. Further ones count only when they come at least
/// kSecondSignalAfter after the first: `timeout` and service managers signal a process and its group within
/// microseconds, which is no impatient user. One that counts ends the process at once with exit code 1.
/// To be made before any other thread that does not block these signals itself: it blocks them for its thread
/// and for all threads that are started after it.
class SignalReader {
  public:
    static constexpr std::chrono::milliseconds kSecondSignalAfter{1'000};

    explicit SignalReader(SignalPlan plan = {});
    ~SignalReader();
    SignalReader(const SignalReader&) = delete;
    SignalReader& operator=(const SignalReader&) = delete;

    /// Stop is requested by the first signal that asks for the end. Its callbacks run on the reader's thread.
    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }
    /// Waits for the first signal that asks for the end.
    void wait() const noexcept { signal_.wait(0); }
    /// `otherwise`, or what a signal that came asks for: 130 after SIGINT, 143 after the others.
    [[nodiscard]] ExitCode exit_code(ExitCode otherwise) const noexcept;

  private:
    using SteadyTime = std::chrono::steady_clock::time_point;

    void run();
    [[nodiscard]] bool wait_for_event(SteadyTime now) const;
    void on_signal(int signal, SteadyTime now);
    void discard_signals() const;
    [[noreturn]] void force_end(const char* why) const;

    const SignalPlan plan_;
    std::stop_source stop_;
    std::atomic<int> signal_ = 0;  ///< the first one that asked for the end
    int signals_fd_;
    int over_fd_;                                  ///< readable once the destructor has begun
    SteadyTime counts_again_ = SteadyTime::min();  ///< reader's thread only, as the next one: see run()
    SteadyTime deadline_ = SteadyTime::max();      ///< of the whole process
    std::jthread thread_;                          ///< last: it uses all of the above
};

}  // namespace ioswarm::cli
