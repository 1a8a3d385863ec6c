// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace ioswarm::cli::doctor {

/// Requests a stop when the time is over. The destructor ends the waiting thread at once.
class TimeLimit {
  public:
    explicit TimeLimit(std::chrono::milliseconds limit)
        : timer_([this, limit](const std::stop_token& ended) {
              std::unique_lock lock(mutex_);
              wake_.wait_for(lock, ended, limit, [] { return false; });
              if (!ended.stop_requested()) over_.request_stop();
          }) {}

    [[nodiscard]] std::stop_token token() const noexcept { return over_.get_token(); }
    [[nodiscard]] bool is_over() const noexcept { return over_.stop_requested(); }

  private:
    std::stop_source over_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread timer_;  // last, since it uses the others
};

}  // namespace ioswarm::cli::doctor
