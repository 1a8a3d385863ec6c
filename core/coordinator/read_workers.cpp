// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/read_workers.hpp"

#include <algorithm>
#include <utility>

namespace ioswarm {

AccountReadPtr ReadWorkers::Work::take() {
    std::deque<AccountReadPtr>& from = together.empty() ? alone : together;
    AccountReadPtr read = std::move(from.front());
    from.pop_front();
    if (read->alone) ++alone_running;
    return read;
}

void ReadWorkers::start(std::uint32_t threads) {
    threads = std::max<std::uint32_t>(threads, 2);
    {
        const std::lock_guard lock(mutex_);
        work_.alone_most = threads - 1;
    }
    for (std::uint32_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
}

void ReadWorkers::stop() {
    for (std::jthread& thread : threads_)
        thread.request_stop();
    threads_.clear();
    const std::lock_guard lock(mutex_);
    work_.together.clear();
    work_.alone.clear();
}

void ReadWorkers::add(std::vector<AccountReadPtr> reads) {
    if (reads.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        for (AccountReadPtr& read : reads)
            (read->alone ? work_.alone : work_.together).push_back(std::move(read));
    }
    changed_.notify_all();
}

bool ReadWorkers::run_one() {
    AccountReadPtr read;
    {
        const std::lock_guard lock(mutex_);
        if (!work_.any()) return false;
        read = work_.take();
    }
    make(read);
    return true;
}

void ReadWorkers::make(const AccountReadPtr& read) {
    if (engine_.wanted(read)) engine_.reads_done(read, read_accounts(reader_, *read));
    if (!read->alone) return;
    {
        const std::lock_guard lock(mutex_);
        --work_.alone_running;
    }
    changed_.notify_one();
}

void ReadWorkers::work(const std::stop_token& stop) {
    while (true) {
        AccountReadPtr read;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, stop, [this] { return work_.any(); });
            if (stop.stop_requested()) return;
            read = work_.take();
        }
        make(read);
    }
}

}  // namespace ioswarm
