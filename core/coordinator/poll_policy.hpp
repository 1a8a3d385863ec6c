// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// Decides when the pool is read next. A transaction counts as covered only if it was handed out before its
/// block, so the pool is read often while that matters: while it changes, and when a block is due. A quiet pool
/// is read less and less often, down to the longest pause. A node that answers slowly is spared: all reads
/// together take at most a fifth of the time. No clock, no threads: the caller says when things happened.
class PollPolicy {
  public:
    /// Between two reads when a block is due, or after a read that showed something new.
    static constexpr std::chrono::milliseconds kShortest{100};
    /// At most so long between two reads of a pool that changes: that has shown something new ...
    static constexpr std::chrono::milliseconds kBusy{250};
    /// ... so recently.
    static constexpr std::chrono::seconds kQuietAfter{5};
    /// Share of the time that reads may take: one part in so many.
    static constexpr int kShareOfReads = 5;
    /// Reads may run ahead of their share by so much, so that one slow answer does not cause a long pause.
    static constexpr std::chrono::milliseconds kMostAhead{1000};
    /// A block is due from so long before the expected time on.
    static constexpr std::chrono::milliseconds kDueBefore{500};

    /// One read of tip and pool.
    struct Read {
        Clock::Steady begun;
        Clock::Steady ended;
        bool has_new = false;          ///< it showed transactions that the one before did not
        std::uint64_t tip_height = 0;  ///< 0 = the read failed
    };

    /// `longest`: what pollIntervalMs says.
    explicit PollPolicy(std::chrono::milliseconds longest) : longest_(longest) {}

    void add(const Read& read);

    struct Pause {
        std::chrono::nanoseconds least;  ///< not sooner, even when the engine asks for a read
        std::chrono::nanoseconds most;   ///< not later
    };
    /// How long to wait from `now` on, after the last read.
    [[nodiscard]] Pause pause(Clock::Steady now) const;

  private:
    void note_tip(const Read& read);
    void spend(const Read& read);
    [[nodiscard]] std::chrono::nanoseconds until_due(Clock::Steady now) const;

    const std::chrono::milliseconds longest_;
    std::chrono::nanoseconds grown_{kShortest};  // longer with each read that shows nothing new
    std::optional<Clock::Steady> new_at_;        // when a read last showed something new
    std::chrono::nanoseconds ahead_{0};          // time that reads may still take at once; below 0: overdrawn
    std::optional<Clock::Steady> spent_at_;
    std::uint64_t tip_ = 0;
    std::optional<Clock::Steady> tip_since_;
    std::optional<std::chrono::nanoseconds> block_interval_;  // as seen, smoothed
};

}  // namespace ioswarm
