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

/// Runs functions later, one after the other, on a thread of its own. The number of waiting functions is not
/// limited; the caller must limit it. Thread-safe; a function that runs may add others.
class Timers {
  public:
    Timers();
    /// Functions that have not started never run; waits for a running one.
    ~Timers();
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;

    void after(std::chrono::steady_clock::duration delay, std::function<void()> then);

  private:
    void work(const std::stop_token& stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> due_;  // guarded by mutex_
    std::jthread thread_;  // last, because the thread uses the other members
};

}  // namespace ioswarm::sim
