// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

namespace ioswarm {

/// Called with how long something took. May be empty. Called from the thread that did the work, sometimes under
/// its lock, so it must be short, must not throw, and must not call the object that calls it.
using DurationObserver = std::function<void(std::chrono::nanoseconds)>;

/// Measures the time since it was constructed.
class Stopwatch {
  public:
    [[nodiscard]] std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - start_; }

  private:
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace ioswarm
