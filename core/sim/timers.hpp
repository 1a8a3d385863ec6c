// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

namespace ioswarm::sim {

/// Runs functions later, one after the other, on a thread of its own. As many wait as are given: whoever gives
/// them bounds them. Thread-safe; what runs may give more.
class Timers {
  public:
    Timers();
    /// What has not begun never runs; waits for what has.
    ~Timers();
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;

    void after(std::chrono::steady_clock::duration delay, std::function<void()> then);

  private:
    void work(const std::stop_token& stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> due_;  // guarded by mutex_
    std::jthread thread_;  // last: it uses the others
};

}  // namespace ioswarm::sim
