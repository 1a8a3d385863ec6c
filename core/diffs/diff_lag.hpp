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

/// The log counts as lagging when both limits are exceeded.
struct DiffLagSettings {
    std::uint64_t blocks = 12;               ///< the log is at least this many blocks behind the chain
    std::chrono::milliseconds time{60'000};  ///< and has not come closer for this long
};

/// Watches whether the log of state diffs keeps up with the chain. If a source keeps its stream open but sends
/// nothing more, nothing reports an error; only the distance between chain and log shows it. A log that is
/// catching up does not count as lagging, however far behind it is. Writes to the program's log once when the
/// lag begins and once when it ends. Thread-safe.
class DiffLag {
  public:
    /// `clock` must outlive this object.
    DiffLag(DiffLagSettings settings, const Clock& clock, Log log);

    /// Reports the newest block of the chain and the newest height in the log (0: none yet).
    void note(std::uint64_t chain_tip, std::uint64_t log_tip);

    /// Adds a reason while the log lags. `log_tip` is the newest height now, so that a log that has caught up
    /// since the last block is noticed at once.
    void add_reasons(std::uint64_t log_tip, Reasons& reasons);
    /// How often the log began to lag since the start.
    [[nodiscard]] std::uint64_t times_lagging() const { return alarm_.times(); }

  private:
    struct State {
        std::uint64_t chain_tip = 0;
        std::uint64_t smallest_gap = 0;      ///< smallest distance since `since`
        std::optional<Clock::Steady> since;  ///< nothing: the log keeps up
    };

    const DiffLagSettings settings_;
    const Clock& clock_;
    Guarded<State> state_;
    Alarm alarm_;
};

}  // namespace ioswarm
