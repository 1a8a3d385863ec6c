// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/coordinator/engine.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm {

/// Threads that make the reads the engine planned, so many at once and no more. Reads of what failed before may
/// hang until the reader's time-out: they come last, and one thread is always kept free of them. What waits is
/// bounded by the engine, which plans no more than agents have room for and drops what nobody waits for any
/// more.
class ReadWorkers {
  public:
    ReadWorkers(StateReader& reader, Engine& engine) : reader_(reader), engine_(engine) {}
    ~ReadWorkers() { stop(); }
    ReadWorkers(const ReadWorkers&) = delete;
    ReadWorkers& operator=(const ReadWorkers&) = delete;

    /// At least two threads are started.
    void start(std::uint32_t threads);
    /// Waits for the reads under way; what was not begun is left.
    void stop();

    /// From any thread.
    void add(std::vector<AccountReadPtr> reads);
    /// Makes one read that waits, in the caller's thread; false when none does. For tests without threads.
    bool run_one();

  private:
    struct Work {
        std::deque<AccountReadPtr> together;
        std::deque<AccountReadPtr> alone;
        std::uint32_t alone_running = 0;
        std::uint32_t alone_most = 1;

        [[nodiscard]] bool any() const {
            return !together.empty() || (!alone.empty() && alone_running < alone_most);
        }
        /// There must be any().
        [[nodiscard]] AccountReadPtr take();
    };

    void work(const std::stop_token& stop);
    void make(const AccountReadPtr& read);

    StateReader& reader_;
    Engine& engine_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    Work work_;                          // guarded by mutex_
    std::vector<std::jthread> threads_;  // of the thread that starts and stops
};

}  // namespace ioswarm
