// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

namespace ioswarm {

/// Called with how long something took. May be empty. Called from the thread that did the work, sometimes under
/// its lock, so it must be short and must not call back.
using ObserveDuration = std::function<void(std::chrono::nanoseconds)>;

/// Measures one piece of work, from its construction on.
class Stopwatch {
  public:
    [[nodiscard]] std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - start_; }

  private:
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace ioswarm
