// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// How many submissions an agent may send in addition to the answers to its batches: the rate and the burst
/// that the protocol allows.
inline constexpr std::uint32_t kSubmitRatePerSecond = 10;
inline constexpr std::uint32_t kSubmitBurst = 20;

/// A token bucket in whole nanoseconds. It stores the time at which the bucket will be full again, so no
/// fraction of a token is ever lost to rounding. Not thread-safe.
class RateLimiter {
  public:
    RateLimiter(std::uint32_t per_second, std::uint32_t burst) noexcept
        : interval_(std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second),
          depth_(interval_ * burst) {}

    /// Takes a token if there is one.
    [[nodiscard]] bool allow(Clock::Steady now) noexcept {
        const Clock::Steady full = full_at_ < now ? now : full_at_;
        if (full + interval_ > now + depth_) return false;
        full_at_ = full + interval_;
        return true;
    }

  private:
    std::chrono::nanoseconds interval_;  // time for one token
    std::chrono::nanoseconds depth_;     // time for all tokens
    Clock::Steady full_at_{};
};

}  // namespace ioswarm
