// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

#include "cli/exit_code.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/log.hpp"

namespace ioswarm::cli {

/// Blocks SIGHUP only. A SIGHUP that arrives while the configuration is read then waits for the SignalReader.
/// SIGINT and SIGTERM still end the process, even while it waits for a file.
void block_hangup();

/// Actions of a SignalReader besides requesting a stop.
struct SignalPlan {
    /// Called on the reader's thread for each SIGHUP. It must not block. Empty: SIGHUP requests a stop, as
    /// SIGTERM does.
    std::function<void()> on_hangup{};
    /// Longest time that the process may run after the first SIGINT or SIGTERM. Then the reader ends the
    /// process. Zero: no limit.
    std::chrono::milliseconds end_within{0};
    /// Logs the first signal and a forced end.
    Log log{};
    /// Called on the reader's thread before a forced end, to write what must still be written. It must return
    /// by itself.
    std::function<void()> before_forced_end{};
    /// Called on the reader's thread when end_within is over. True if what is left may be left out: the process
    /// then ends with exit code 0. Empty: the exit code is 1.
    std::function<bool()> may_end_early{};
};

/// The only place where the program reads signals. One thread waits for SIGINT, SIGTERM and SIGHUP. The first
/// SIGINT or SIGTERM asks the program to stop and clean up. Further ones count only when they come at least
/// kSecondSignalAfter after the first. (`timeout` and service managers signal a process and its group within
/// microseconds; that is not an impatient user.) One that counts ends the process at once with exit code 1.
/// Create it before any other thread that does not block these signals itself: it blocks them for the creating
/// thread and for all threads that are started afterwards.
class SignalReader {
  public:
    static constexpr std::chrono::milliseconds kSecondSignalAfter{1'000};

    explicit SignalReader(SignalPlan plan = {});
    ~SignalReader();
    SignalReader(const SignalReader&) = delete;
    SignalReader& operator=(const SignalReader&) = delete;

    /// The first signal that asks for the end requests this stop. Callbacks of the token run on the reader's
    /// thread.
    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }
    /// Blocks until the first signal that asks for the end.
    void wait() const noexcept { signal_.wait(0); }
    /// Returns 130 after SIGINT, 143 after another signal that asked for the end, else `otherwise`.
    [[nodiscard]] ExitCode exit_code(ExitCode otherwise) const noexcept;

  private:
    using SteadyTime = std::chrono::steady_clock::time_point;

    void run();
    [[nodiscard]] bool wait_for_event(SteadyTime now) const;
    void on_signal(int signal, SteadyTime now);
    void discard_signals() const;
    [[noreturn]] void force_end(const char* why) const;
    [[noreturn]] void end_late() const;

    const SignalPlan plan_;
    std::stop_source stop_;
    std::atomic<int> signal_ = 0;  ///< first signal that asked for the end; 0 = none yet
    Descriptor signals_;
    Descriptor over_;  ///< readable once the destructor has begun
    /// End of the pause that run() describes; used by the reader's thread only, as is the next field.
    SteadyTime counts_again_ = SteadyTime::min();
    SteadyTime deadline_ = SteadyTime::max();  ///< when the whole process must have ended
    std::jthread thread_;                      ///< last member, because the thread uses all of the above
};

}  // namespace ioswarm::cli
