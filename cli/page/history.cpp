// SPDX-License-Identifier: Apache-2.0
#include "cli/page/history.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <nlohmann/json.hpp>

namespace ioswarm::cli {
namespace {

std::optional<double> percent_of(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return std::nullopt;
    return static_cast<double>(part) * 100.0 / static_cast<double>(whole);
}

/// A counter's growth. 0 when it went down, as after a change of the source.
std::uint64_t growth(std::uint64_t before, std::uint64_t now) {
    return now < before ? 0 : now - before;
}

template <typename Number>
nlohmann::ordered_json number_or_null(const std::optional<Number>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

}  // namespace

DurationObserver History::task_round_trip() {
    return [this](std::chrono::nanoseconds time) {
        round_trips_.fetch_add(1, std::memory_order_relaxed);
        round_trip_ns_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)),
                                 std::memory_order_relaxed);
    };
}

void History::take(const Monitor& monitor, const Clock& clock) {
    const StatusView status = monitor.status();
    const ShadowTotals shadow = monitor.shadow();
    const Counted now{clock.steady(), status.tasks_received, shadow.compared, shadow.matched};
    // The two are read one after the other. An answer in between moves the mean a little, once.
    const std::uint64_t trips = round_trips_.exchange(0, std::memory_order_relaxed);
    const std::uint64_t trips_ns = round_trip_ns_.exchange(0, std::memory_order_relaxed);

    auto state = state_.lock();
    const std::optional<Counted> before = std::exchange(state->before, now);
    if (!before) return;
    const double seconds = std::chrono::duration<double>(now.at - before->at).count();
    if (seconds <= 0) return;
    HistoryPoint point;
    point.time_s = std::chrono::system_clock::to_time_t(clock.wall());
    point.height = status.height;
    if (status.source_age) point.lag_s = status.source_age->count();
    point.agents = status.agents_live;
    point.tasks_per_s = static_cast<double>(growth(before->received, now.received)) / seconds;
    point.compared = growth(before->compared, now.compared);
    const std::uint64_t matched = growth(before->matched, now.matched);
    point.accuracy_pct = percent_of(std::min(matched, point.compared), point.compared);
    point.coverage_pct = percent_of(status.coverage.handed_out, status.coverage.mined);
    if (trips > 0) point.latency_ms = static_cast<double>(trips_ns) / static_cast<double>(trips) / 1e6;
    state->points.push_back(point);
    if (state->points.size() > kMaxPoints) state->points.pop_front();
}

std::vector<HistoryPoint> History::points(std::int64_t after_s) const {
    const auto state = state_.lock();
    std::vector<HistoryPoint> out;
    std::copy_if(state->points.begin(), state->points.end(), std::back_inserter(out),
                 [&](const HistoryPoint& point) { return point.time_s > after_s; });
    return out;
}

std::string history_json(const std::vector<HistoryPoint>& points) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const HistoryPoint& point : points) {
        list.push_back({{"time", point.time_s},
                        {"height", point.height},
                        {"lag_s", number_or_null(point.lag_s)},
                        {"agents", point.agents},
                        {"tasks_per_s", point.tasks_per_s},
                        {"compared", point.compared},
                        {"accuracy_pct", number_or_null(point.accuracy_pct)},
                        {"coverage_pct", number_or_null(point.coverage_pct)},
                        {"latency_ms", number_or_null(point.latency_ms)}});
    }
    return nlohmann::ordered_json{{"interval_s", History::kInterval.count()}, {"points", std::move(list)}}
               .dump() +
           "\n";
}

HistoryRecorder::HistoryRecorder(History& history, const Monitor& monitor, const Clock& clock,
                                 std::chrono::milliseconds interval)
    : thread_([&history, &monitor, &clock, interval](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          while (!stop.stop_requested()) {
              history.take(monitor, clock);
              never.wait_for(lock, stop, interval, [] { return false; });
          }
      }) {}

}  // namespace ioswarm::cli
