// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "core/coordinator/counters.hpp"
#include "core/coordinator/engine.hpp"
#include "core/metrics/registry.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm {

/// A fixed number of threads that make the reads and runs that the engine planned. Runs need several fetches
/// each, and reads for tasks that failed before may hang until the reader's time-out. Both are therefore slow
/// jobs: they come after the other reads, take turns, and never occupy the last thread. The engine bounds the
/// waiting jobs: it plans no more than agents have room for and drops jobs that nobody waits for any more.
class ReadWorkers {
  public:
    /// `runner` may be null: then no runs may be added.
    ReadWorkers(StateReader& reader, TaskRunner* runner, Engine& engine, const metrics::Registry& registry)
        : reader_(reader), runner_(runner), engine_(engine), counters_(registry) {}
    ~ReadWorkers() { stop(); }
    ReadWorkers(const ReadWorkers&) = delete;
    ReadWorkers& operator=(const ReadWorkers&) = delete;

    /// Starts at least two threads.
    void start(std::uint32_t threads);
    /// Ends the runs in progress, waits for the reads in progress, and drops the jobs that have not started.
    void stop();

    /// May be called from any thread.
    void add(std::vector<AccountReadPtr> reads);
    void add(std::vector<RunRequestPtr> runs);
    /// Makes one waiting read or run in the caller's thread; returns false if none waits. For tests without
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
        std::uint32_t max_slow_running = 1;
        bool run_is_next = true;  // whether the next slow job is a run or a read

        [[nodiscard]] bool any() const {
            return !together.empty() || ((!alone.empty() || !runs.empty()) && slow_running < max_slow_running);
        }
        /// Takes the next job. any() must be true.
        [[nodiscard]] Job take();
    };

    void work(const std::stop_token& stop);
    void make(const Job& job, evm::Executor& executor, const std::stop_token& stop);

    StateReader& reader_;
    TaskRunner* const runner_;
    Engine& engine_;
    const ReadWorkerCounters counters_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    Work work_;                                    // guarded by mutex_
    std::vector<std::jthread> threads_;            // used only by the thread that starts and stops
    std::unique_ptr<evm::Executor> own_executor_;  // used only by the thread that calls run_one()
};

}  // namespace ioswarm
