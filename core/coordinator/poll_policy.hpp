// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// Decides when the pool is read next. The aim is to give each transaction to an agent before it is mined. The
/// pool is therefore read often while it changes and when a block is due. An unchanged pool is read less and
/// less often, down to the longest pause. A slow node is read less often: all reads together take at most a
/// fifth of the time. Has no clock and no threads; the caller passes in the times. The times below are our own
/// choice.
class PollPolicy {
  public:
    /// The pause when a block is due, or after a read that showed something new. A lower pollIntervalMs counts
    /// instead.
    static constexpr std::chrono::milliseconds kShortest{100};
    /// The longest pause while the pool is busy.
    static constexpr std::chrono::milliseconds kBusy{250};
    /// The pool is busy if a read within this time showed something new.
    static constexpr std::chrono::seconds kQuietAfter{5};
    /// Reads may take at most 1/5 of the time.
    static constexpr int kReadTimeDivisor = 5;
    /// Unused read time is saved up to this much, so that one slow answer does not cause a long pause.
    static constexpr std::chrono::milliseconds kMaxBudget{1000};
    /// A block counts as due this long before its expected time.
    static constexpr std::chrono::milliseconds kDueBefore{500};
    /// A tip this far below the last one shows that the last one was wrong. Several nodes behind one address
    /// may be some blocks apart.
    static constexpr std::uint64_t kFarBelow = 12;

    /// One read of the tip and the pool.
    struct Read {
        Clock::Steady begun;
        Clock::Steady ended;
        bool has_new = false;          ///< it showed transactions that the previous read did not
        std::uint64_t tip_height = 0;  ///< 0 = the read failed
    };

    /// `longest` is the setting pollIntervalMs.
    explicit PollPolicy(std::chrono::milliseconds longest) : longest_(longest) {}

    void add(const Read& read);

    struct Pause {
        std::chrono::nanoseconds
            least;                      ///< do not read sooner, even if the engine (engine.hpp) asks for a read
        std::chrono::nanoseconds most;  ///< do not read later
    };
    /// How long to wait before the next read, counted from `now`.
    [[nodiscard]] Pause pause(Clock::Steady now) const;

  private:
    void note_tip(const Read& read);
    void charge(const Read& read);
    [[nodiscard]] std::chrono::nanoseconds until_due(Clock::Steady now) const;

    const std::chrono::milliseconds longest_;
    std::chrono::nanoseconds grown_{kShortest};  // grows with each read that shows nothing new
    std::optional<Clock::Steady> new_at_;        // when a read last showed something new
    // The time that reads may still use at once; negative if they used too much.
    std::chrono::nanoseconds budget_{0};
    std::optional<Clock::Steady> charged_at_;
    std::uint64_t tip_ = 0;
    std::optional<Clock::Steady> tip_since_;
    std::optional<std::chrono::nanoseconds> block_interval_;  // measured and smoothed
};

}  // namespace ioswarm
