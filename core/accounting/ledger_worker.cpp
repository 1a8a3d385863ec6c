// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/ledger_worker.hpp"

#include <utility>

namespace ioswarm {

LedgerWorker::LedgerWorker(std::chrono::milliseconds interval, Job periodic)
    : interval_(interval), periodic_(std::move(periodic)), thread_([this] { run(); }) {}

LedgerWorker::~LedgerWorker() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

bool LedgerWorker::post(Job job) {
    {
        const std::lock_guard lock(mutex_);
        if (ending_ || waiting_.size() >= kMaxWaiting) return false;
        waiting_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
}

void LedgerWorker::run() {
    auto due = std::chrono::steady_clock::now() + interval_;
    for (;;) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_until(lock, due, [this] { return ending_ || !waiting_.empty(); });
            if (ending_ && waiting_.empty()) return;
            if (!waiting_.empty()) {
                job = std::move(waiting_.front());
                waiting_.pop_front();
            }
        }
        if (job) job();
        if (std::chrono::steady_clock::now() < due) continue;
        periodic_();
        due = std::chrono::steady_clock::now() + interval_;
    }
}

}  // namespace ioswarm
