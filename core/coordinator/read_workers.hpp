// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/coordinator/engine.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm {

/// Threads that make the reads the engine planned, so many at once and no more. What waits is bounded by the
/// engine, which plans no more than agents have room for.
class ReadWorkers {
  public:
    ReadWorkers(StateReader& reader, Engine& engine) : reader_(reader), engine_(engine) {}
    ~ReadWorkers() { stop(); }
    ReadWorkers(const ReadWorkers&) = delete;
    ReadWorkers& operator=(const ReadWorkers&) = delete;

    void start(std::uint32_t threads);
    /// Waits for the reads under way; what was not begun is left.
    void stop();

    /// From any thread.
    void add(std::vector<AccountReadPtr> reads);
    /// Makes one read that waits, in the caller's thread; false when none does. For tests without threads.
    bool run_one();

  private:
    void work(const std::stop_token& stop);

    StateReader& reader_;
    Engine& engine_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<AccountReadPtr> waiting_;  // guarded by mutex_
    std::vector<std::jthread> threads_;   // of the thread that starts and stops
};

}  // namespace ioswarm
