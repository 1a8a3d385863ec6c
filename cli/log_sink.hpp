// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>

#include <unistd.h>

#include "cli/log_style.hpp"
#include "core/base/log.hpp"

namespace ioswarm::cli {

/// Limits of the queue of unwritten lines. A line that would exceed them is dropped.
struct LogBounds {
    std::size_t lines = 10'000;
    std::size_t bytes = std::size_t{4} << 20;
};

/// Writes the log to a file descriptor on its own thread, so that a slow disk or an unread pipe blocks nobody
/// else. Lines wait in a bounded queue. When the queue is full, the newest line is dropped and counted, and the
/// next written line reports the number of dropped lines. Lines that cannot be written (disk full, reader gone)
/// count as dropped too.
///
/// Each message is one line; log_line.hpp has the formats. The thread blocks all signals.
class LogWriter {
  public:
    LogWriter(LogStyle style, const LogLevels& levels, int fd = STDERR_FILENO, LogBounds bounds = {});
    /// Waits at most kLastWords for the queued lines to be written. Lines that are not written by then are
    /// lost. If the thread still waits for the file, it is detached.
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    static constexpr std::chrono::milliseconds kLastWords{1'000};

    /// Logging never waits for the file. A Log may outlive the LogWriter, and then logs nothing.
    [[nodiscard]] Log log() const { return Log(target_); }

    /// Lines logged from now on are written in this style. Thread-safe.
    void set_style(LogStyle style);
    /// Replaces the levels for every Log of this writer. Thread-safe.
    void set_levels(const LogLevels& levels) { target_->set(levels); }

    /// Waits until all lines logged so far are written. Returns false if that took longer than `within`.
    bool flush(std::chrono::milliseconds within) const;

    /// Number of lines lost so far. Thread-safe.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    struct State;
    const std::shared_ptr<State> state_;  ///< shared with the thread and with every Log
    const std::shared_ptr<LogTarget> target_;
    std::thread thread_;
};

/// The levels of a text that was checked before, such as the value of log.level; info for a wrong text.
[[nodiscard]] LogLevels log_levels_from(std::string_view text);

}  // namespace ioswarm::cli
