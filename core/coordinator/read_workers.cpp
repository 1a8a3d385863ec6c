// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/read_workers.hpp"

#include <iterator>

namespace ioswarm {

void ReadWorkers::start(std::uint32_t threads) {
    for (std::uint32_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
}

void ReadWorkers::stop() {
    for (std::jthread& thread : threads_)
        thread.request_stop();
    threads_.clear();
    const std::lock_guard lock(mutex_);
    waiting_.clear();
}

void ReadWorkers::add(std::vector<AccountReadPtr> reads) {
    if (reads.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        waiting_.insert(waiting_.end(), std::make_move_iterator(reads.begin()),
                        std::make_move_iterator(reads.end()));
    }
    changed_.notify_all();
}

bool ReadWorkers::run_one() {
    AccountReadPtr read;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) return false;
        read = std::move(waiting_.front());
        waiting_.pop_front();
    }
    engine_.reads_done(read, read_accounts(reader_, *read));
    return true;
}

void ReadWorkers::work(const std::stop_token& stop) {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [&] { return !waiting_.empty(); }) || stop.stop_requested()) return;
        }
        run_one();
    }
}

}  // namespace ioswarm
