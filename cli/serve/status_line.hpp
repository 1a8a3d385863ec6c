// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "core/base/log.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// The coordinator's state in one line: "status: block 1234 (3s old), agents 5/6, tasks 98/100, coverage 98.20%
/// (500 mined), accuracy 99.50% (200 compared), epoch 3 (11/360 blocks)". Tasks are results over tasks given
/// out.
[[nodiscard]] std::string status_line(const Monitor& monitor, std::uint64_t epoch_blocks);

/// For example "diffs to 1234, subscribers 2", plus the alarm when there is one.
[[nodiscard]] std::string diffs_line(const DiffsView& diffs);

/// The figures of status_line() for a log that programs read. Shares that are not known are left out.
[[nodiscard]] LogFields status_fields(const Monitor& monitor, std::uint64_t epoch_blocks);

/// Adds the figures of diffs_line().
void add_diffs_fields(const DiffsView& diffs, LogFields& fields);

/// A log line with its figures as fields.
struct StatusText {
    std::string text;
    LogFields fields;
};

/// Logs a status line every `interval` on its own thread, so that a silent log means trouble. Everything that
/// `line` uses must outlive this object.
class StatusReporter {
  public:
    StatusReporter(std::function<StatusText()> line, std::chrono::milliseconds interval, Log log);

  private:
    std::jthread thread_;
};

}  // namespace ioswarm::cli
