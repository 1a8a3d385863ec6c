// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/base/alarm.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/ports/clock.hpp"

namespace ioswarm {

struct DiffLagSettings {
    std::uint64_t blocks = 12;               ///< so far ahead of the log the chain must be
    std::chrono::milliseconds time{60'000};  ///< and for so long
};

/// Watches whether the log of state diffs keeps up with the chain. A source that sends nothing any more, on a
/// stream that stays open, is no error of anything: only the distance between both tells. A log that catches up
/// is no lag, however far behind it is. Said in the log once when the lag begins and once when it is over.
/// Thread-safe.
class DiffLag {
  public:
    /// `clock` must outlive it.
    DiffLag(DiffLagSettings settings, const Clock& clock, Log log);

    /// The newest block of the chain and the newest height in the log (0: none yet).
    void note(std::uint64_t chain_tip, std::uint64_t log_tip);

    /// Adds the reason while the log lags. `log_tip` is the newest height now: a log that has caught up since
    /// the last block counts at once.
    void add_reasons(std::uint64_t log_tip, Reasons& reasons);
    /// How often the log began to lag since the start.
    [[nodiscard]] std::uint64_t times_lagging() const { return alarm_.times(); }

  private:
    struct State {
        std::uint64_t chain_tip = 0;
        std::uint64_t smallest_gap = 0;      ///< since `since`
        std::optional<Clock::Steady> since;  ///< nothing: the log keeps up
    };

    const DiffLagSettings settings_;
    const Clock& clock_;
    Guarded<State> state_;
    Alarm alarm_;
};

}  // namespace ioswarm
