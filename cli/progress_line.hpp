// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace ioswarm::cli {

/// Shows where a long job stands: on a terminal one line that is written over, no wider than the terminal, with
/// the time left; elsewhere a line a minute, so that cron mails nothing for a short one.
class ProgressLine {
  public:
    enum class Mode { silent, terminal, log };
    /// `job`: "snapshot export". Lines go to `out`, which is standard error.
    ProgressLine(std::ostream& out, Mode mode, std::string job)
        : out_(out), mode_(mode), job_(std::move(job)) {}
    /// What suits standard error.
    [[nodiscard]] static Mode mode_for(bool quiet);

    /// The time left counts from here on.
    void begin_phase() { phase_start_ = Clock::now(); }
    /// `fraction` of the phase, 0..1. `bytes_done` of the phase: the rate is shown when it is not 0.
    void show(std::string_view text, double fraction, std::uint64_t bytes_done = 0);
    /// Takes the line away.
    void clear();

  private:
    using Clock = std::chrono::steady_clock;

    std::ostream& out_;
    const Mode mode_;
    const std::string job_;
    Clock::time_point phase_start_ = Clock::now();
    Clock::time_point shown_ = Clock::now();
    bool line_open_ = false;
};

/// UTF-8 `line` without what a terminal of so many columns has no room for; 0 = it does not know its width. One
/// column stays free, since some terminals wrap when the last one is written.
[[nodiscard]] std::string cut_to_width(std::string line, unsigned columns);

/// "209.4 MB", in powers of ten as disks are sold.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace ioswarm::cli
