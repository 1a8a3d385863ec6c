// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// Decides how far an agent that lost batches is trusted. A strike only delays the agent: it gets nothing for
/// 10 s, then one batch on trial. If it loses that too, it gets nothing for 20 s, and so on up to 5 minutes. An
/// accepted answer, a new registration or a new task stream clears the strikes. Each 5 minutes without a new
/// strike remove one. (The delays are this project's choice.) Has no clock and no threads.
class Strikes {
  public:
    static constexpr std::chrono::seconds kFirstDelay{10};
    static constexpr std::chrono::seconds kLastDelay{300};
    static constexpr std::chrono::seconds kDecay{300};  ///< one strike is removed per this time
    static constexpr std::uint32_t kMaxStrikes = 16;    ///< further strikes do not delay longer

    enum class Standing : std::uint8_t {
        good,       ///< gets tasks like any other agent
        held_back,  ///< gets no tasks for now
        on_trial,   ///< may have one batch at a time until it has answered
    };

    /// Call this when a batch that the agent took at `taken` was not answered in time. Batches taken before the
    /// last strike belong to the same incident and add none. Returns true if a strike was added.
    bool add(Clock::Steady taken, Clock::Steady now) {
        if (last_ && taken <= *last_) return false;
        strikes_ = std::min(count(now) + 1, kMaxStrikes);
        last_ = now;
        is_released_ = false;
        return true;
    }
    /// Restores the agent's good standing. Batches taken before the last strike still add none.
    void clear() {
        strikes_ = 0;
        is_released_ = false;
    }
    /// Starts the trial now, whatever delay is left. Used when no other agent is there.
    void release() { is_released_ = strikes_ > 0; }

    [[nodiscard]] Standing standing(Clock::Steady now) const {
        if (strikes_ == 0 || count(now) == 0) return Standing::good;
        return is_released_ || now - *last_ >= delay() ? Standing::on_trial : Standing::held_back;
    }
    /// The number of strikes left at `now`.
    [[nodiscard]] std::uint32_t count(Clock::Steady now) const {
        if (strikes_ == 0 || now < *last_) return strikes_;
        const auto decayed = static_cast<std::uint64_t>((now - *last_) / kDecay);
        return decayed >= strikes_ ? 0 : strikes_ - static_cast<std::uint32_t>(decayed);
    }

  private:
    [[nodiscard]] std::chrono::seconds delay() const {
        return std::min(kFirstDelay * (std::int64_t{1} << (strikes_ - 1)), kLastDelay);
    }

    // The strikes at the time of the last one; count() subtracts those that have expired since.
    std::uint32_t strikes_ = 0;
    std::optional<Clock::Steady> last_;
    bool is_released_ = false;
};

}  // namespace ioswarm
