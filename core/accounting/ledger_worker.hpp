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

/// A thread that reads the ledger for those who must not wait for a disk, which are above all gRPC's callback
/// threads: one machine has as few as two of them, and they also do all socket work. Jobs run in the order in
/// which they were posted. In between, `periodic` runs once per interval on the same thread. Thread-safe.
class LedgerWorker {
  public:
    using Job = std::function<void()>;
    /// Jobs that may wait; one more is refused.
    static constexpr std::size_t kMaxWaiting = 4096;

    LedgerWorker(std::chrono::milliseconds interval, Job periodic);
    /// Runs the jobs that wait, then ends.
    ~LedgerWorker();
    LedgerWorker(const LedgerWorker&) = delete;
    LedgerWorker& operator=(const LedgerWorker&) = delete;

    /// Never waits. False: too many jobs wait already, or the worker ends; the job is dropped.
    [[nodiscard]] bool post(Job job);

  private:
    void run();

    const std::chrono::milliseconds interval_;
    const Job periodic_;
    std::mutex mutex_;  // guards all below
    std::condition_variable wake_;
    std::deque<Job> waiting_;
    bool ending_ = false;
    std::jthread thread_;  // last: it uses all above
};

}  // namespace ioswarm
