// SPDX-License-Identifier: Apache-2.0
#include "cli/page/history.hpp"

#include <condition_variable>
#include <mutex>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/support/fake_monitor.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using ioswarm::cli::History;
using ioswarm::cli::HistoryPoint;

namespace {

struct HandClock final : Clock {
    Steady now_steady{};
    Wall now_wall{1'790'000'000s};
    [[nodiscard]] Steady steady() const override { return now_steady; }
    [[nodiscard]] Wall wall() const override { return now_wall; }
    void pass(std::chrono::seconds time) {
        now_steady += time;
        now_wall += time;
    }
};

struct HistoryWorld {
    test::FakeMonitor monitor;
    HandClock clock;
    History history;

    void take_after(std::chrono::seconds time) {
        clock.pass(time);
        history.take(monitor, clock);
    }
};

}  // namespace

TEST_CASE("the first sample gives no point, because there is nothing to compare it with", "[history]") {
    HistoryWorld world;
    world.monitor.status_view.tasks_received = 1000;
    world.history.take(world.monitor, world.clock);
    CHECK(world.history.points().empty());
}

TEST_CASE("a point has the work of its interval", "[history]") {
    HistoryWorld world;
    world.monitor.status_view.tasks_received = 1000;
    world.monitor.shadow_totals.compared = 500;
    world.monitor.shadow_totals.matched = 400;
    world.history.take(world.monitor, world.clock);

    world.monitor.status_view.tasks_received = 1120;
    world.monitor.shadow_totals.compared = 540;
    world.monitor.shadow_totals.matched = 438;
    world.monitor.status_view.height = 77;
    world.monitor.status_view.source_age = 4s;
    world.monitor.status_view.agents_live = 3;
    world.monitor.status_view.coverage = {200, 150};
    const DurationObserver tell = world.history.task_round_trip();
    tell(2ms);
    tell(4ms);
    world.take_after(10s);

    const auto points = world.history.points();
    REQUIRE(points.size() == 1);
    const HistoryPoint& point = points.front();
    CHECK(point.time_s == 1'790'000'010);
    CHECK(point.height == 77);
    CHECK(point.lag_s == 4);
    CHECK(point.agents == 3);
    CHECK(point.tasks_per_s == Approx(12));
    CHECK(point.compared == 40);
    CHECK(point.accuracy_pct == 95.0);
    CHECK(point.coverage_pct == 75.0);
    CHECK(point.latency_ms == 3.0);
}

TEST_CASE("a figure that is not known is null", "[history]") {
    HistoryWorld world;
    world.take_after(0s);
    world.take_after(10s);
    const auto json = nlohmann::json::parse(cli::history_json(world.history.points()));
    CHECK(json["interval_s"] == 10);
    REQUIRE(json["points"].size() == 1);
    const auto& point = json["points"][0];
    for (const char* name : {"lag_s", "accuracy_pct", "coverage_pct", "latency_ms"}) {
        CAPTURE(name);
        CHECK(point[name].is_null());
    }
    CHECK(point["tasks_per_s"] == 0.0);
}

TEST_CASE("a counter that decreases counts as no work", "[history]") {
    HistoryWorld world;
    world.monitor.status_view.tasks_received = 1000;
    world.take_after(0s);
    world.monitor.status_view.tasks_received = 10;
    world.take_after(10s);
    CHECK(world.history.points().front().tasks_per_s == 0.0);
}

TEST_CASE("the history keeps one hour", "[history]") {
    HistoryWorld world;
    for (std::size_t i = 0; i <= History::kMaxPoints + 5; ++i)
        world.take_after(10s);
    const auto points = world.history.points();
    CHECK(points.size() == History::kMaxPoints);
    CHECK(points.back().time_s - points.front().time_s == 3590);
    CHECK(world.history.points(points.back().time_s - 20).size() == 2);
    CHECK(world.history.points(points.back().time_s).empty());
}

TEST_CASE("the recorder takes samples by itself until it is destroyed", "[history]") {
    /// Counts how often the recorder reads the status.
    struct CountingMonitor final : test::FakeMonitor {
        mutable std::mutex mutex;
        mutable std::condition_variable changed;
        mutable int looks = 0;
        [[nodiscard]] StatusView status() const override {
            const std::lock_guard lock(mutex);
            ++looks;
            changed.notify_all();
            return {};
        }
    };
    CountingMonitor monitor;
    const SystemClock clock;
    History history;
    {
        const cli::HistoryRecorder recorder(history, monitor, clock, 1ms);
        std::unique_lock lock(monitor.mutex);
        CHECK(monitor.changed.wait_for(lock, 60s, [&] { return monitor.looks >= 4; }));
    }
    CHECK(!history.points().empty());
}
