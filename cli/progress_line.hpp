// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace ioswarm::cli {

/// Shows the progress of a long job. On a terminal it rewrites one line, no wider than the terminal, with the
/// time left. Elsewhere it prints one line per minute, so that cron mails nothing for a short job.
class ProgressLine {
  public:
    enum class Mode { silent, terminal, log };
    /// `job` is for example "snapshot export". Lines go to `out`, which must be standard error.
    ProgressLine(std::ostream& out, Mode mode, std::string job)
        : out_(out), mode_(mode), job_(std::move(job)) {}
    /// Chooses the mode that suits standard error.
    [[nodiscard]] static Mode mode_for(bool quiet);

    /// Restarts the clock from which the time left is estimated.
    void begin_phase() { phase_start_ = Clock::now(); }
    /// `fraction` of the phase that is done, 0 to 1. `bytes_done` in this phase; the rate is shown when it is
    /// not 0.
    void show(std::string_view text, double fraction, std::uint64_t bytes_done = 0);
    /// Erases the line from the terminal.
    void clear();

  private:
    using Clock = std::chrono::steady_clock;

    std::ostream& out_;
    const Mode mode_;
    const std::string job_;
    Clock::time_point phase_start_ = Clock::now();
    Clock::time_point shown_ = Clock::now();
    bool line_open_ = false;  // the terminal shows a line that the next show() overwrites
};

/// Cuts the UTF-8 `line` to a terminal of `columns` columns. 0 = unknown width: nothing is cut. The last column
/// stays free, since some terminals wrap when it is written.
[[nodiscard]] std::string cut_to_width(std::string line, unsigned columns);

/// For example "209.4 MB", in powers of ten, as disk sizes are given.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace ioswarm::cli
