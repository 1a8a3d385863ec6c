// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/guarded.hpp"
#include "core/base/observe.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// The figures of one interval: counts of what happened in it, and the state at its end.
struct HistoryPoint {
    std::int64_t time_s = 0;  ///< end of the interval, seconds since 1970
    std::uint64_t height = 0;
    std::optional<std::int64_t> lag_s;   ///< age of the newest block; nothing: unknown
    std::uint32_t agents = 0;            ///< live agents
    double tasks_per_s = 0;              ///< accepted answers per second
    std::uint64_t compared = 0;          ///< answers that were compared with a block
    std::optional<double> accuracy_pct;  ///< share of these that were right; nothing: none was compared
    std::optional<double> coverage_pct;  ///< see Coverage; nothing: no transaction was mined
    std::optional<double> latency_ms;    ///< mean time from a batch's sending to its answer; nothing: no answer
};

/// The figures of the last hour, one point per 10 seconds, in memory only. Thread-safe.
class History {
  public:
    static constexpr std::chrono::seconds kInterval{10};
    static constexpr std::size_t kMaxPoints = 360;  ///< one hour; beyond that the oldest point is removed

    /// Feeds the latency. May be called from any thread while this object lives.
    [[nodiscard]] DurationObserver task_round_trip();

    /// Ends an interval. The first call only remembers the counters, from which the next one counts.
    void take(const Monitor& monitor, const Clock& clock);

    /// The points that ended after `after_s`, oldest first.
    [[nodiscard]] std::vector<HistoryPoint> points(std::int64_t after_s = 0) const;

  private:
    struct Counted {
        Clock::Steady at;
        std::uint64_t received = 0;
        std::uint64_t compared = 0;
        std::uint64_t matched = 0;
    };
    struct State {
        std::optional<Counted> before;
        std::deque<HistoryPoint> points;
    };

    std::atomic<std::uint64_t> round_trips_{0};
    std::atomic<std::uint64_t> round_trip_ns_{0};
    Guarded<State> state_;
};

/// {"interval_s":10,"points":[{"time":…,"height":…,…}]}. Values that are not known are null.
[[nodiscard]] std::string history_json(const std::vector<HistoryPoint>& points);

/// Calls History::take() once per interval, on a thread of its own, until it is destroyed. All three objects
/// must live as long as this one.
class HistoryRecorder {
  public:
    HistoryRecorder(History& history, const Monitor& monitor, const Clock& clock,
                    std::chrono::milliseconds interval = History::kInterval);
    HistoryRecorder(const HistoryRecorder&) = delete;
    HistoryRecorder& operator=(const HistoryRecorder&) = delete;

  private:
    std::jthread thread_;
};

}  // namespace ioswarm::cli
