// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <thread>

#include "core/base/log.hpp"
#include "core/coordinator/views.hpp"

namespace ioswarm::cli {

/// "height 1234, lag 3s, agents 5 of 6 live, tasks 100 sent 98 answered, accuracy 99.50% of 50, epoch 3".
[[nodiscard]] std::string status_line(const Monitor& monitor);

/// Logs the status line every `interval` on a thread of its own, so that silence in the log means trouble.
/// `monitor` must outlive it.
class StatusReporter {
  public:
    StatusReporter(const Monitor& monitor, std::chrono::milliseconds interval, Log log);

  private:
    std::jthread thread_;
};

}  // namespace ioswarm::cli
