// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// Wakes one waiting thread. If nobody waits, the signal is kept for the next wait. Thread-safe.
class Signal {
  public:
    void raise() {
        {
            const std::lock_guard lock(mutex_);
            raised_ = true;
        }
        changed_.notify_one();
    }
    /// Returns when the signal was raised, when the time is over, or when `stop` is requested. Returns true if
    /// it was raised.
    bool wait(std::stop_token stop, std::chrono::nanoseconds most) {
        std::unique_lock lock(mutex_);
        const bool raised = changed_.wait_for(lock, std::move(stop), most, [&] { return raised_; });
        raised_ = false;
        return raised;
    }

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool raised_ = false;  // guarded by mutex_
};

}  // namespace ioswarm
