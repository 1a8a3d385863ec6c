// SPDX-License-Identifier: Apache-2.0
#include "core/sim/timers.hpp"

#include <utility>

namespace ioswarm::sim {

Timers::Timers() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

Timers::~Timers() {
    thread_.request_stop();
    thread_.join();
}

void Timers::after(std::chrono::steady_clock::duration delay, std::function<void()> then) {
    {
        const std::lock_guard lock(mutex_);
        due_.emplace(std::chrono::steady_clock::now() + delay, std::move(then));
    }
    changed_.notify_one();
}

void Timers::work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (due_.empty()) {
            changed_.wait(lock, stop, [this] { return !due_.empty(); });
            continue;
        }
        const auto first = due_.begin()->first;
        if (first > std::chrono::steady_clock::now()) {
            changed_.wait_until(lock, stop, first, [this, first] { return due_.begin()->first < first; });
            continue;
        }
        const std::function<void()> then = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        lock.unlock();
        then();
        lock.lock();
    }
}

}  // namespace ioswarm::sim
