// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// Measures how long an agent needs per batch, and says how many batches it may hold at once. Deployed agents
/// work on one batch at a time: they receive, work, submit and wait for the response before they look at the
/// next batch. The time-out of a batch runs from the moment when the stream takes it. An agent must therefore
/// not hold more batches than it can answer soon. Has no clock and no threads.
class AnswerPace {
  public:
    /// An agent may hold as many batches as it answers in about this time. (This project's choice: a fifth of
    /// the default task time-out, and long enough that a quick agent holds the most batches allowed.)
    static constexpr std::chrono::seconds kHoldFor{2};
    /// How many batches an agent may hold before its first answer. More would cost a slow agent its first
    /// seconds, since the first batches often have one task.
    static constexpr std::uint32_t kAtFirst = 4;

    /// Call this when the answers to `tasks` tasks of a batch were recorded, or could not be. `taken` is when
    /// the stream took the batch.
    void add(Clock::Steady taken, Clock::Steady now, std::size_t tasks) {
        // While an earlier batch was being answered and recorded, a serial agent did not work on this one.
        const auto began = last_ ? std::max(taken, *last_) : taken;
        last_ = now;
        if (tasks == 0) return;
        const std::chrono::nanoseconds took = std::max(now - began, std::chrono::nanoseconds(0));
        const auto per_task = took / static_cast<std::int64_t>(tasks);
        per_batch_ = per_batch_ ? *per_batch_ + (took - *per_batch_) / kWeight : took;
        per_task_ = per_task_ ? *per_task_ + (per_task - *per_task_) / kWeight : per_task;
    }

    /// How many batches of `batch_size` tasks the agent may hold, at least 1. It is kAtFirst until the agent
    /// has answered for the first time, because nothing is known about it then.
    [[nodiscard]] std::uint32_t max_batches(std::uint32_t batch_size, std::chrono::nanoseconds task_timeout,
                                            std::uint32_t most) const {
        if (!per_batch_) return std::min(kAtFirst, most);
        // A full batch may take longer than the batches measured. It takes no longer than that many batches of
        // one task.
        const auto full = std::max({*per_batch_, *per_task_ * batch_size, std::chrono::nanoseconds(1)});
        const std::chrono::nanoseconds hold = std::min<std::chrono::nanoseconds>(kHoldFor, task_timeout / 2);
        const std::uint32_t least =
            *per_batch_ * 4 > task_timeout ? 1 : 2;  // one to work on, and the next at hand
        const auto fitting = static_cast<std::uint32_t>(std::min<std::int64_t>(hold / full, most));
        return std::min(std::max(fitting, least), most);
    }

  private:
    static constexpr std::int64_t kWeight = 4;  // a new measurement counts for a quarter

    std::optional<Clock::Steady> last_;  // when the last answers were recorded
    std::optional<std::chrono::nanoseconds> per_batch_;
    std::optional<std::chrono::nanoseconds> per_task_;
};

}  // namespace ioswarm
