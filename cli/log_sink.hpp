// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>

#include <unistd.h>

#include "core/base/log.hpp"

namespace ioswarm::cli {

enum class LogFormat { text, json };

/// What may wait to be written. A line that finds more waiting is dropped.
struct LogBounds {
    std::size_t lines = 10'000;
    std::size_t bytes = std::size_t{4} << 20;
};

/// Writes the log to a file descriptor, on a thread of its own: a disk that is slow, or a pipe that nobody
/// reads, keeps nobody else waiting. Lines wait in a bounded queue. Where it is full the newest line is dropped
/// and counted, and the next line that is written tells how many were. Lines that cannot be written (a full
/// disk, a reader that went away) count as dropped too.
///
/// One line per message: "2026-11-22T16:58:44.123Z info  message", or a JSON object with time, level and
/// message. Control characters and invalid UTF-8 are escaped, so that what came from outside can neither forge
/// a line nor move a terminal. The thread blocks all signals.
class LogWriter {
  public:
    LogWriter(LogFormat format, LogLevel level, int fd = STDERR_FILENO, LogBounds bounds = {});
    /// Waits for what still has to be written, but at most kLastWords. What is not written by then is lost, and
    /// a thread that still waits for the file is left behind.
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    static constexpr std::chrono::milliseconds kLastWords{1'000};

    /// Never waits for the file. May outlive the LogWriter: then it is silent.
    [[nodiscard]] Log log() const;

    /// Waits until all that was logged before is written. False: it was not within `within`.
    bool flush(std::chrono::milliseconds within) const;

    /// Lines lost so far. Thread-safe.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    struct State;
    const LogLevel level_;
    const std::shared_ptr<State> state_;  ///< shared with the thread and with every Log
    std::thread thread_;
};

/// "text" and "json"; "debug" to "error": the words of log.format and log.level, which are checked before.
[[nodiscard]] LogFormat log_format_from(std::string_view word);
[[nodiscard]] LogLevel log_level_from(std::string_view word);

}  // namespace ioswarm::cli
