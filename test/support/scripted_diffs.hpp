// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "core/diffs/memory_diff_store.hpp"
#include "core/ports/diff_link.hpp"
#include "core/ports/state_diff_source.hpp"

namespace ioswarm::test {

/// How long a test waits for something that must happen.
inline constexpr std::chrono::seconds kPatience{60};

/// A source that returns the given results in order, whatever height is requested, and then waits.
class ScriptedDiffSource final : public StateDiffSource {
  public:
    [[nodiscard]] Result<StateDiff> next(std::uint64_t height, std::stop_token stop) override {
        std::unique_lock lock(mutex_);
        asked_.push_back(height);
        changed_.notify_all();
        if (!changed_.wait(lock, std::move(stop), [&] { return !answers_.empty(); })) {
            return fail(ErrorCode::cancelled, "stopped");
        }
        Result<StateDiff> answer = std::move(answers_.front());
        answers_.pop_front();
        return answer;
    }

    [[nodiscard]] Status behind() const override {
        const std::lock_guard lock(mutex_);
        return behind_;
    }
    void set_behind(Status behind) {
        const std::lock_guard lock(mutex_);
        behind_ = std::move(behind);
    }
    void give(Result<StateDiff> answer) {
        const std::lock_guard lock(mutex_);
        answers_.push_back(std::move(answer));
        changed_.notify_all();
    }
    /// Waits until it was asked `count` times. Returns the requested heights.
    std::vector<std::uint64_t> asked(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kPatience, [&] { return asked_.size() >= count; });
        return asked_;
    }

  private:
    mutable std::mutex mutex_;  // guards all members below
    std::condition_variable_any changed_;
    std::deque<Result<StateDiff>> answers_;
    std::vector<std::uint64_t> asked_;
    Status behind_;
};

/// A diff log in memory whose appends can be made to fail or to wait.
class FailingDiffStore final : public DiffStore {
  public:
    /// Sets a function that is called before each append.
    void before_append(std::function<Status(const std::vector<DiffRow>&)> ask) {
        const std::lock_guard lock(mutex_);
        ask_ = std::move(ask);
    }

    [[nodiscard]] DiffRange range() const override { return store_.range(); }
    [[nodiscard]] Hash256 tip_chain() const override { return store_.tip_chain(); }
    [[nodiscard]] Status append(std::vector<DiffRow> rows) override {
        std::function<Status(const std::vector<DiffRow>&)> ask;
        {
            const std::lock_guard lock(mutex_);
            ask = ask_;
        }
        if (ask) {
            if (Status status = ask(rows); !status) return status;
        }
        return store_.append(std::move(rows));
    }
    [[nodiscard]] Result<std::vector<DiffRow>> read(std::uint64_t from, std::size_t max_rows,
                                                    std::size_t max_bytes) const override {
        return store_.read(from, max_rows, max_bytes);
    }
    [[nodiscard]] Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows) override {
        return store_.prune(floor, max_rows);
    }
    [[nodiscard]] Status clear() override { return store_.clear(); }

  private:
    MemoryDiffStore store_;
    std::mutex mutex_;
    std::function<Status(const std::vector<DiffRow>&)> ask_;  // guarded by mutex_
};

/// Records the diffs that a feed reports.
class ToldDiffs {
  public:
    void operator()(const SharedDiffPtr& diff) {
        const std::lock_guard lock(mutex_);
        heights_.push_back(diff->height());
        changed_.notify_all();
    }
    /// Waits until `count` diffs were reported. Returns their heights.
    std::vector<std::uint64_t> wait(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kPatience, [&] { return heights_.size() >= count; });
        return heights_;
    }

  private:
    std::mutex mutex_;  // guards all members below
    std::condition_variable changed_;
    std::vector<std::uint64_t> heights_;
};

}  // namespace ioswarm::test
