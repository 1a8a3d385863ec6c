// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/poll_policy.hpp"

#include <algorithm>

namespace ioswarm {

using std::chrono::nanoseconds;

void PollPolicy::add(const Read& read) {
    spend(read);
    note_tip(read);
    if (read.has_new) new_at_ = read.begun;
    // The pause grows by half after each read that shows nothing new: 100 ms, 150 ms, 225 ms, ... up to the
    // longest.
    grown_ = read.has_new ? nanoseconds(kShortest) : std::min<nanoseconds>(grown_ * 3 / 2, longest_);
}

/// Reads may use a fifth of the time. ahead_ is the time they may still use: it grows as time passes, and each
/// read's duration is subtracted.
void PollPolicy::spend(const Read& read) {
    const nanoseconds passed = spent_at_ ? std::max(read.ended - *spent_at_, nanoseconds{0}) : nanoseconds{0};
    ahead_ = std::min<nanoseconds>(ahead_ + passed / kShareOfReads, kMaxAhead);
    ahead_ -= std::max(read.ended - read.begun, nanoseconds{0});
    spent_at_ = read.ended;
}

void PollPolicy::note_tip(const Read& read) {
    if (read.tip_height <= tip_) return;
    if (tip_since_) {
        const auto blocks = static_cast<std::int64_t>(std::min<std::uint64_t>(read.tip_height - tip_, 1'000));
        const nanoseconds interval = (read.begun - *tip_since_) / blocks;
        block_interval_ = block_interval_ ? (*block_interval_ * 3 + interval) / 4 : interval;
    }
    tip_ = read.tip_height;
    tip_since_ = read.begun;
}

/// Time until the next block may come at any moment; 0 = from now on. If no block came for three intervals,
/// none is expected any more: the chain has stopped.
nanoseconds PollPolicy::until_due(Clock::Steady now) const {
    if (!tip_since_ || !block_interval_) return nanoseconds::max();
    const nanoseconds passed = now - *tip_since_;
    if (passed > *block_interval_ * 3) return nanoseconds::max();
    return std::max(*block_interval_ - kDueBefore - passed, nanoseconds{0});
}

PollPolicy::Pause PollPolicy::pause(Clock::Steady now) const {
    const nanoseconds overdrawn = std::max(-ahead_, nanoseconds{0}) * kShareOfReads;
    const nanoseconds due = std::max<nanoseconds>(until_due(now), kShortest);
    const bool is_busy = new_at_ && now - *new_at_ < kQuietAfter;
    const nanoseconds pool = is_busy ? std::min<nanoseconds>(grown_, kBusy) : grown_;
    const nanoseconds suits = std::min({pool, due, nanoseconds(longest_)});
    const nanoseconds least = std::max(overdrawn, std::min<nanoseconds>(kShortest, longest_));
    return {least, std::max(suits, least)};
}

}  // namespace ioswarm
