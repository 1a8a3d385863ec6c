// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <thread>

#include <catch2/catch.hpp>

#include "core/coordinator/coordinator.hpp"
#include "test/core/coordinator/coordinator_fixture.hpp"
#include "test/core/coordinator/run_fixture.hpp"
#include "test/support/task_levels.hpp"

namespace ioswarm::test {

/// A transport sink that lets one thread wait for events.
class WaitingSink final : public StreamSink {
  public:
    void on_ready() override {
        change([this] { ready_ = true; });
    }
    void on_end(Error reason) override {
        change([&] { ended_ = std::move(reason); });
    }

    /// Returns false when the stream has ended.
    bool wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ready_ || ended_; });
        ready_ = false;
        return !ended_;
    }
    [[nodiscard]] std::optional<Error> ended() const {
        const std::lock_guard lock(mutex_);
        return ended_;
    }

  private:
    template <typename F>
    void change(const F& f) {
        const std::lock_guard lock(mutex_);
        f();
        changed_.notify_all();
    }
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool ready_ = false;
    std::optional<Error> ended_;
};

/// Counts accepted answers and wakes a thread that waits for a certain number.
class Tally {
  public:
    void add(std::size_t count) {
        const std::lock_guard lock(mutex_);
        count_ += count;
        changed_.notify_all();
    }
    void wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return count_ >= count; });
    }
    [[nodiscard]] std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;
};

/// Like answer_to(), but executes the tasks that carry a transaction.
inline BatchResult execute(const TaskBatch& batch, evm::Executor& executor) {
    BatchResult out = answer_to(batch);
    for (std::size_t i = 0; i < batch.tasks.size(); ++i) {
        if (!batch.tasks[i].evm_tx) continue;
        auto executed = execute_task(executor, batch.tasks[i]);
        if (!executed) continue;
        executed->task_id = batch.tasks[i].task_id;
        out.results[i] = *std::move(executed);
    }
    return out;
}

/// An agent that answers all its tasks until its stream ends.
class HonestAgent {
  public:
    HonestAgent(House& house, std::string id, Tally& tally, TaskLevel level = kL2)
        : sink_(std::make_shared<WaitingSink>()) {
        REQUIRE(house.register_agent(id, {id, level, "", "", ""})->accepted);
        auto stream = house.coordinator->open_task_stream(id, {id, level, 10}, sink_);
        REQUIRE(stream);
        stream_ = std::move(*stream);
        thread_ = std::jthread([this, &house, id = std::move(id), &tally] {
            evm::Executor executor;
            while (sink_->wait()) {
                while (const auto batch = stream_->take()) {
                    house.coordinator->submit(id, execute(*batch, executor),
                                              [&tally, batch](const Result<SubmitResponse>& r) {
                                                  if (r && r->accepted) tally.add(batch->tasks.size());
                                              });
                }
            }
        });
    }
    [[nodiscard]] std::optional<Error> ended() const { return sink_->ended(); }
    void join() { thread_.join(); }

  private:
    std::shared_ptr<WaitingSink> sink_;
    std::unique_ptr<TaskStream> stream_;
    std::jthread thread_;
};

inline CoordinatorSettings fast_settings() {
    CoordinatorSettings settings;
    settings.poll_interval = std::chrono::milliseconds(10);
    settings.register_interval = std::chrono::seconds(0);
    return settings;
}

inline void set_pool(House& house, const std::vector<PoolActionPtr>& pending, std::uint64_t height) {
    house.pool.set_tip(ChainTip{height, house.clock.wall(), 0});
    house.pool.set(pending);
}

}  // namespace ioswarm::test
