// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/read_workers.hpp"

#include <algorithm>
#include <utility>

#include "core/base/observe.hpp"

namespace ioswarm {

ReadWorkers::Job ReadWorkers::Work::take() {
    Job job;
    const auto pop = [](auto& from) {
        auto first = std::move(from.front());
        from.pop_front();
        return first;
    };
    if (!together.empty()) {
        job.read = pop(together);
        return job;
    }
    job.slow = true;
    ++slow_running;
    const bool takes_run = !runs.empty() && (alone.empty() || run_is_next);
    run_is_next = !takes_run;
    if (takes_run) {
        job.run = pop(runs);
    } else {
        job.read = pop(alone);
    }
    return job;
}

void ReadWorkers::start(std::uint32_t threads) {
    threads = std::max<std::uint32_t>(threads, 2);
    {
        const std::lock_guard lock(mutex_);
        work_.max_slow_running = threads - 1;
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
    work_.runs.clear();
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

void ReadWorkers::add(std::vector<RunRequestPtr> runs) {
    if (runs.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        for (RunRequestPtr& run : runs)
            work_.runs.push_back(std::move(run));
    }
    changed_.notify_all();
}

bool ReadWorkers::run_one() {
    Job job;
    {
        const std::lock_guard lock(mutex_);
        if (!work_.any()) return false;
        job = work_.take();
    }
    if (!own_executor_) own_executor_ = std::make_unique<evm::Executor>();
    make(job, *own_executor_, {});
    return true;
}

void ReadWorkers::make(const Job& job, evm::Executor& executor, const std::stop_token& stop) {
    if (job.read && engine_.wanted(job.read)) {
        const Stopwatch stopwatch;
        auto accounts = read_accounts(reader_, *job.read);
        counters_.read_time.observe(stopwatch.elapsed());
        engine_.reads_done(job.read, std::move(accounts));
    }
    if (job.run && runner_ != nullptr && engine_.wanted(*job.run))
        engine_.run_done(*job.run, runner_->run(executor, *job.run, stop));
    if (!job.slow) return;
    {
        const std::lock_guard lock(mutex_);
        --work_.slow_running;
    }
    changed_.notify_one();
}

void ReadWorkers::work(const std::stop_token& stop) {
    evm::Executor executor;
    while (true) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, stop, [this] { return work_.any(); });
            if (stop.stop_requested()) return;
            job = work_.take();
        }
        make(job, executor, stop);
    }
}

}  // namespace ioswarm
