// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>

namespace ioswarm::cli {

/// Remembers when the dispatch loop went round last. A process whose loop hangs answers HTTP requests all the
/// same, so /livez asks here. Thread-safe.
class RoundWatch {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// `start`: the loop is given time from here on.
    explicit RoundWatch(Time start) : last_(start.time_since_epoch().count()) {}

    /// Call it once per round.
    void note(Time now) noexcept { last_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
    /// How long ago the last round was.
    [[nodiscard]] std::chrono::nanoseconds since(Time now) const noexcept {
        return now - Time(Time::duration(last_.load(std::memory_order_relaxed)));
    }

  private:
    std::atomic<Time::rep> last_;
};

}  // namespace ioswarm::cli
