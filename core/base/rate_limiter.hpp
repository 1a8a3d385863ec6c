// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ioswarm {

/// A token bucket in whole nanoseconds. It stores the time at which the bucket will be full again, so no
/// fraction of a token is ever lost to rounding. Not thread-safe.
class RateLimiter {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// Both numbers are at least 1.
    RateLimiter(std::uint32_t per_second, std::uint32_t burst) noexcept
        : RateLimiter(std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second, burst) {}
    /// `interval`: the time for one token.
    RateLimiter(std::chrono::nanoseconds interval, std::uint32_t burst) noexcept
        : interval_(interval), depth_(interval * burst) {}

    /// Takes a token if there is one.
    [[nodiscard]] bool allow(Time now) noexcept {
        if (wait(now).count() > 0) return false;
        full_at_ = std::max(full_at_, now) + interval_;
        return true;
    }
    /// The time until there is a token; zero if there is one.
    [[nodiscard]] std::chrono::nanoseconds wait(Time now) const noexcept {
        const Time next = std::max(full_at_, now) + interval_ - depth_;
        return std::max<std::chrono::nanoseconds>(next - now, std::chrono::nanoseconds::zero());
    }

  private:
    std::chrono::nanoseconds interval_;
    std::chrono::nanoseconds depth_;  // time for all tokens
    Time full_at_{};
};

}  // namespace ioswarm
