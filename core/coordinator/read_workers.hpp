// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/coordinator/engine.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm {

/// Threads that make the reads and runs that the engine planned, so many at once and no more. Runs take several
/// fetches each, and reads of what failed before may hang until the reader's time-out: both come after the
/// other reads, in turn, and one thread is always kept free of them. What waits is bounded by the engine, which
/// plans no more than agents have room for and drops what nobody waits for any more.
class ReadWorkers {
  public:
    /// `runner` may be null: then no runs may be added.
    ReadWorkers(StateReader& reader, TaskRunner* runner, Engine& engine)
        : reader_(reader), runner_(runner), engine_(engine) {}
    ~ReadWorkers() { stop(); }
    ReadWorkers(const ReadWorkers&) = delete;
    ReadWorkers& operator=(const ReadWorkers&) = delete;

    /// At least two threads are started.
    void start(std::uint32_t threads);
    /// Waits for the reads under way; what was not begun is left.
    void stop();

    /// From any thread.
    void add(std::vector<AccountReadPtr> reads);
    void add(std::vector<RunRequestPtr> runs);
    /// Makes one read or run that waits, in the caller's thread; false when none does. For tests without
    /// threads.
    bool run_one();

  private:
    struct Job {
        AccountReadPtr read;
        RunRequestPtr run;  // one of the two is set
        bool slow = false;  // counted in slow_running
    };
    struct Work {
        std::deque<AccountReadPtr> together;
        std::deque<AccountReadPtr> alone;
        std::deque<RunRequestPtr> runs;
        std::uint32_t slow_running = 0;
        std::uint32_t slow_most = 1;
        bool run_is_next = true;  // of the slow ones

        [[nodiscard]] bool any() const {
            return !together.empty() || ((!alone.empty() || !runs.empty()) && slow_running < slow_most);
        }
        /// There must be any().
        [[nodiscard]] Job take();
    };

    void work(const std::stop_token& stop);
    void make(const Job& job, evm::Executor& executor);

    StateReader& reader_;
    TaskRunner* const runner_;
    Engine& engine_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    Work work_;                                    // guarded by mutex_
    std::vector<std::jthread> threads_;            // of the thread that starts and stops
    std::unique_ptr<evm::Executor> own_executor_;  // of the thread that calls run_one()
};

}  // namespace ioswarm
