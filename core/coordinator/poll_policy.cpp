// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/poll_policy.hpp"

#include <algorithm>

namespace ioswarm {

using std::chrono::nanoseconds;

void PollPolicy::add(const Read& read) {
    charge(read);
    note_tip(read);
    if (read.has_new) new_at_ = read.begun;
    // The pause grows by half after each read that shows nothing new: 100 ms, 150 ms, 225 ms, ... up to the
    // longest.
    grown_ = read.has_new ? nanoseconds(kShortest) : std::min<nanoseconds>(grown_ * 3 / 2, longest_);
}

/// Reads may use a fifth of the time. budget_ is the time they may still use: it grows as time passes, and each
/// read's duration is subtracted.
void PollPolicy::charge(const Read& read) {
    const nanoseconds passed =
        charged_at_ ? std::max(read.ended - *charged_at_, nanoseconds{0}) : nanoseconds{0};
    budget_ = std::min<nanoseconds>(budget_ + passed / kReadTimeDivisor, kMaxBudget);
    budget_ -= std::max(read.ended - read.begun, nanoseconds{0});
    charged_at_ = read.ended;
}

void PollPolicy::note_tip(const Read& read) {
    if (read.tip_height != 0 && tip_ > read.tip_height && tip_ - read.tip_height > kFarBelow) {
        tip_ = read.tip_height;  // the tip before was wrong
        tip_since_.reset();
        return;
    }
    if (read.tip_height <= tip_) return;
    if (tip_since_) {
        // The maximum only keeps the cast safe. The mean of so many blocks would be of no use anyway.
        const auto blocks = static_cast<std::int64_t>(std::min<std::uint64_t>(read.tip_height - tip_, 1'000));
        const nanoseconds interval = (read.begun - *tip_since_) / blocks;
        block_interval_ = block_interval_ ? (*block_interval_ * 3 + interval) / 4 : interval;
    }
    tip_ = read.tip_height;
    tip_since_ = read.begun;
}

/// Returns the time until 500 ms (kDueBefore) before the next expected block. 0: a block is due. Maximum: no
/// block is expected, because the interval is unknown, or because no block came for three intervals.
nanoseconds PollPolicy::until_due(Clock::Steady now) const {
    if (!tip_since_ || !block_interval_) return nanoseconds::max();
    const nanoseconds passed = now - *tip_since_;
    if (passed > *block_interval_ * 3) return nanoseconds::max();
    return std::max(*block_interval_ - kDueBefore - passed, nanoseconds{0});
}

PollPolicy::Pause PollPolicy::pause(Clock::Steady now) const {
    const nanoseconds until_budget_is_0 = std::max(-budget_, nanoseconds{0}) * kReadTimeDivisor;
    const nanoseconds by_block = std::max<nanoseconds>(until_due(now), kShortest);
    const bool is_busy = new_at_ && now - *new_at_ < kQuietAfter;
    const nanoseconds by_activity = is_busy ? std::min<nanoseconds>(grown_, kBusy) : grown_;
    const nanoseconds wanted = std::min({by_activity, by_block, nanoseconds(longest_)});
    const nanoseconds least = std::max(until_budget_is_0, std::min<nanoseconds>(kShortest, longest_));
    return {least, std::max(wanted, least)};
}

}  // namespace ioswarm
