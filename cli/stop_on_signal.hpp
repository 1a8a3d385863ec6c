// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

#include "cli/exit_code.hpp"

namespace ioswarm::cli {

/// For commands that run to an end by themselves: the first SIGINT, SIGTERM or SIGHUP asks them to stop and
/// tidy up, a second one ends the process at once. To be made before any other thread: it blocks the signals
/// for all of them.
class StopOnSignal {
  public:
    StopOnSignal();
    ~StopOnSignal();
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;

    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }
    /// `otherwise`, or what a signal that came asks for: 130 after SIGINT, 143 after the others.
    [[nodiscard]] ExitCode exit_code(ExitCode otherwise) const noexcept;

  private:
    void run();

    std::stop_source stop_;
    std::atomic<int> signal_ = 0;
    int signals_fd_;
    int over_fd_;
    std::jthread thread_;
};

}  // namespace ioswarm::cli
