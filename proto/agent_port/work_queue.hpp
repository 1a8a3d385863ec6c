// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace ioswarm::proto {

/// One thread that runs the given work in order. The queue has no limit of its own: each call has at most one
/// piece of work in it, and connections limit the calls. Work that is posted after stop() is dropped.
class WorkQueue {
  public:
    using Work = std::function<void()>;

    WorkQueue() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
    ~WorkQueue() { stop(); }
    WorkQueue(const WorkQueue&) = delete;
    WorkQueue& operator=(const WorkQueue&) = delete;

    void post(Work work) {
        {
            const std::lock_guard lock(mutex_);
            if (stopped_) return;
            waiting_.push_back(std::move(work));
        }
        wake_.notify_one();
    }

    /// Runs the work that is waiting, then ends the thread.
    void stop() {
        {
            const std::lock_guard lock(mutex_);
            stopped_ = true;
        }
        thread_.request_stop();
        if (thread_.joinable()) thread_.join();
    }

  private:
    void run(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (wake_.wait(lock, stop, [this] { return !waiting_.empty(); }) || !waiting_.empty()) {
            auto work = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            work();
            work = nullptr;
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<Work> waiting_;
    bool stopped_ = false;
    std::jthread thread_;  ///< last, because it uses all members above
};

}  // namespace ioswarm::proto
