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

/// The coordinator's state in one line: "height 1234, lag 3s, agents 5 of 6 live, tasks 100 sent 98 answered,
/// coverage 98.20% of 500, accuracy 99.50% of 50, epoch 3".
[[nodiscard]] std::string status_line(const Monitor& monitor);

/// For example "diffs to 1234, 2 readers", plus the alarm when there is one.
[[nodiscard]] std::string diffs_line(const DiffsView& diffs);

/// Logs a status line every `interval` on its own thread, so that a silent log means trouble. Everything that
/// `line` uses must outlive this object.
class StatusReporter {
  public:
    StatusReporter(std::function<std::string()> line, std::chrono::milliseconds interval, Log log);

  private:
    std::jthread thread_;
};

}  // namespace ioswarm::cli
