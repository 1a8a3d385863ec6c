// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace ioswarm::cli {

/// Stops work when another stop token does, or when time is over. It cuts off a call to an endpoint that takes
/// longer than the time that is left.
class DeadlineStop {
  public:
    explicit DeadlineStop(const std::stop_token& stop)
        : on_stop_(stop, [this] { static_cast<void>(source_.request_stop()); }) {}

    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
    /// Stops the work after this time. Call it once at most.
    void arm(std::chrono::milliseconds time) {
        timer_ = std::jthread([this, time](const std::stop_token& ended) {
            std::mutex mutex;
            std::condition_variable_any wake;
            std::unique_lock lock(mutex);
            static_cast<void>(wake.wait_for(lock, ended, time, [] { return false; }));
            if (!ended.stop_requested()) static_cast<void>(source_.request_stop());
        });
    }

  private:
    std::stop_source source_;
    std::stop_callback<std::function<void()>> on_stop_;
    std::jthread timer_;  // last member: it uses the ones above
};

}  // namespace ioswarm::cli
