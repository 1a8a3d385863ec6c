// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "core/base/alarm.hpp"
#include "core/base/log.hpp"

namespace ioswarm::cli {

/// Logs "ready" once, when there is no reason any more why the daemon is not ready. Looks every `interval` on
/// its own thread, which ends then.
class ReadyWatch {
  public:
    /// `not_ready` is called on the thread. Everything that it uses must outlive this object.
    ReadyWatch(std::function<Reasons()> not_ready, std::chrono::milliseconds interval, Log log);

  private:
    std::jthread thread_;
};

}  // namespace ioswarm::cli
