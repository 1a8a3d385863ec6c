// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// How far an agent that lost answers is trusted. A strike only delays it: it gets nothing for 10 s, then one
/// batch on trial; when that is lost too, nothing for 20 s, and so on up to 5 minutes. An accepted answer, a
/// new registration or a new task stream clears the strikes, and each 5 minutes without a new one take one off.
/// (The delays are this project's choice.) No clock, no threads.
class Strikes {
  public:
    static constexpr std::chrono::seconds kFirstDelay{10};
    static constexpr std::chrono::seconds kLastDelay{300};
    static constexpr std::chrono::seconds kDecay{300};  ///< takes one strike off
    static constexpr std::uint32_t kMost = 16;          ///< more do not delay longer

    enum class Standing : std::uint8_t {
        good,       ///< gets tasks like everybody
        held_back,  ///< gets none for the moment
        on_trial,   ///< may have one batch at a time until it has answered
    };

    /// A batch that the agent took at `taken` was not answered in time. What was handed out before the last
    /// strike belongs to the same incident and adds none. True when a strike was added.
    bool add(Clock::Steady taken, Clock::Steady now) {
        if (last_ && taken <= *last_) return false;
        strikes_ = std::min(count(now) + 1, kMost);
        last_ = now;
        is_released_ = false;
        return true;
    }
    /// The agent is good again. What was handed out before the last strike still adds none.
    void clear() {
        strikes_ = 0;
        is_released_ = false;
    }
    /// The trial begins now, whatever delay is left: for when nobody else is there.
    void release() { is_released_ = strikes_ > 0; }

    [[nodiscard]] Standing standing(Clock::Steady now) const {
        if (strikes_ == 0 || count(now) == 0) return Standing::good;
        return is_released_ || now - *last_ >= delay() ? Standing::on_trial : Standing::held_back;
    }
    /// Strikes that are left at this time.
    [[nodiscard]] std::uint32_t count(Clock::Steady now) const {
        if (strikes_ == 0 || now < *last_) return strikes_;
        const auto decayed = static_cast<std::uint64_t>((now - *last_) / kDecay);
        return decayed >= strikes_ ? 0 : strikes_ - static_cast<std::uint32_t>(decayed);
    }

  private:
    [[nodiscard]] std::chrono::seconds delay() const {
        return std::min(kFirstDelay * (std::int64_t{1} << (strikes_ - 1)), kLastDelay);
    }

    std::uint32_t strikes_ = 0;  // when the last one was added; `count` takes off what has decayed since
    std::optional<Clock::Steady> last_;
    bool is_released_ = false;
};

}  // namespace ioswarm
