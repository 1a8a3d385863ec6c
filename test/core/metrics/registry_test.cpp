// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <catch2/catch.hpp>

#include "core/metrics/registry.hpp"

using namespace std::chrono_literals;
using namespace ioswarm;

namespace {

constexpr metrics::Family kDropped{"ioswarm_test_dropped_total", "Things dropped, by reason.", "reason"};
constexpr metrics::Family kOpen{"ioswarm_test_open", "Open things."};

std::string text_of(const metrics::Registry& registry) {
    return prometheus::TextSerializer().Serialize(registry.collect());
}

bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("a counter is read by its key and shown under its family with its label", "[metrics]") {
    const metrics::Registry registry;
    const metrics::Counter full = registry.counter("things_dropped_full", kDropped, "full");
    const metrics::Counter old = registry.counter("things_dropped_old", kDropped, "old");
    full.add();
    full.add(4);
    CHECK(full.value() == 5);
    CHECK(registry.value("things_dropped_full") == 5);
    CHECK(registry.value("things_dropped_old") == 0);
    CHECK(registry.value("things_dropped") == std::nullopt);
    const std::string text = text_of(registry);
    CHECK(has(text, "# HELP ioswarm_test_dropped_total Things dropped, by reason."));
    CHECK(has(text, "# TYPE ioswarm_test_dropped_total counter"));
    CHECK(has(text, "ioswarm_test_dropped_total{reason=\"full\"} 5"));
    CHECK(has(text, "ioswarm_test_dropped_total{reason=\"old\"} 0"));
}

TEST_CASE("a metric without a key is at /metrics only", "[metrics]") {
    const metrics::Registry registry;
    const metrics::Gauge open = registry.gauge("", kOpen);
    open.set(2.5);
    CHECK(registry.values().empty());
    CHECK(has(text_of(registry), "ioswarm_test_open 2.5"));
}

TEST_CASE("a metric that is declared again is the same metric", "[metrics]") {
    const metrics::Registry registry;
    const metrics::Registry same = registry;
    registry.counter("things_dropped_full", kDropped, "full").add();
    same.counter("things_dropped_full", kDropped, "full").add();
    CHECK(registry.value("things_dropped_full") == 2);
}

TEST_CASE("two registries share nothing", "[metrics]") {
    const metrics::Registry one;
    const metrics::Registry other;
    one.counter("things_dropped_full", kDropped, "full").add();
    CHECK(other.counter("things_dropped_full", kDropped, "full").value() == 0);
}

TEST_CASE("a counter outlives its registry, and one without a registry counts nothing", "[metrics]") {
    metrics::Counter counter;
    counter.add();
    CHECK(counter.value() == 0);
    counter = metrics::Registry().counter("things_dropped_full", kDropped, "full");
    counter.add();
    CHECK(counter.value() == 1);
}

TEST_CASE("what is counted elsewhere raises a counter and never lowers it", "[metrics]") {
    const metrics::Counter counter = metrics::Registry().counter("", kDropped, "full");
    counter.raise_to(7);
    counter.raise_to(3);
    CHECK(counter.value() == 7);
}

TEST_CASE("a gauge rises and falls", "[metrics]") {
    const metrics::Registry registry;
    const metrics::Gauge open = registry.gauge("things_open", kOpen);
    open.increment();
    open.increment();
    open.decrement();
    CHECK(registry.value("things_open") == 1);
    open.set(std::uint64_t{40});
    CHECK(registry.value("things_open") == 40);
    open.set(-1.0);
    CHECK(registry.value("things_open") == 0);
    CHECK(has(text_of(registry), "ioswarm_test_open -1"));
}

TEST_CASE("durations are counted into the buckets of a histogram", "[metrics]") {
    const metrics::Registry registry;
    const metrics::Histogram commits =
        registry.histogram({"ioswarm_test_commit_seconds", "Duration of a commit."}, metrics::disk_seconds());
    commits.observe(3ms);
    commits.observe(30ms);
    const std::string text = text_of(registry);
    CHECK(has(text, "# TYPE ioswarm_test_commit_seconds histogram"));
    CHECK(has(text, "ioswarm_test_commit_seconds_count 2"));
    CHECK(has(text, "ioswarm_test_commit_seconds_bucket{le=\"0.005\"} 1"));
    CHECK(has(text, "ioswarm_test_commit_seconds_bucket{le=\"+Inf\"} 2"));
}

TEST_CASE("a hook brings gauges up to date before each reading, until it is destroyed", "[metrics]") {
    const metrics::Registry registry;
    const metrics::Gauge open = registry.gauge("things_open", kOpen);
    std::uint64_t size = 3;
    {
        const metrics::ReadHook hook = registry.on_read([&] { open.set(size); });
        CHECK(registry.values().at("things_open") == 3);
        size = 4;
        CHECK(has(text_of(registry), "ioswarm_test_open 4"));
    }
    size = 5;
    CHECK(registry.value("things_open") == 4);
}

TEST_CASE("threads count while others declare, read and end their hooks", "[metrics]") {
    constexpr std::uint64_t kRounds = 2'000;
    const metrics::Registry registry;
    std::mutex of_owner;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 2; ++i) {
            threads.emplace_back([&] {
                const metrics::Counter full = registry.counter("things_dropped_full", kDropped, "full");
                const metrics::Gauge open = registry.gauge("things_open", kOpen);
                for (std::uint64_t round = 0; round < kRounds; ++round) {
                    const std::lock_guard lock(of_owner);
                    full.add();
                    open.increment();
                }
            });
        }
        threads.emplace_back([&] {
            const metrics::Counter old = registry.counter("things_dropped_old", kDropped, "old");
            for (std::uint64_t round = 0; round < kRounds; ++round) {
                const metrics::ReadHook hook = registry.on_read([&] {
                    const std::lock_guard lock(of_owner);
                    old.add();
                });
            }
        });
        threads.emplace_back([&] {
            for (std::uint64_t round = 0; round < kRounds / 10; ++round)
                (void)registry.values();
        });
    }
    CHECK(registry.value("things_dropped_full") == 2 * kRounds);
    CHECK(registry.value("things_open") == 2 * kRounds);
}
