// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace ioswarm {

/// A thread that reads the ledger for callers that must not wait for a disk. These are mainly gRPC's callback
/// threads: a machine may have only two of them, and they also do all socket work. Jobs run in the order in
/// which they were posted. Between jobs, `periodic` runs once per interval on the same thread. Thread-safe.
class LedgerWorker {
  public:
    using Job = std::function<void()>;
    /// Maximum number of waiting jobs; further ones are refused.
    static constexpr std::size_t kMaxWaiting = 4096;

    LedgerWorker(std::chrono::milliseconds interval, Job periodic);
    /// Runs the waiting jobs, then ends the thread.
    ~LedgerWorker();
    LedgerWorker(const LedgerWorker&) = delete;
    LedgerWorker& operator=(const LedgerWorker&) = delete;

    /// Never waits. Returns false if too many jobs wait or the worker is ending; the job is then dropped.
    [[nodiscard]] bool post(Job job);

  private:
    void run();

    const std::chrono::milliseconds interval_;
    const Job periodic_;
    std::mutex mutex_;  // guards the members below, except thread_
    std::condition_variable wake_;
    std::deque<Job> waiting_;
    bool ending_ = false;
    std::jthread thread_;  // last, because the thread uses all other members
};

}  // namespace ioswarm
