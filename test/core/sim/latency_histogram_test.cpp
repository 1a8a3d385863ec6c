// SPDX-License-Identifier: Apache-2.0
#include "core/sim/latency_histogram.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm::sim;
using namespace std::chrono_literals;

TEST_CASE("percentiles are exact to a sixteenth, and never above the maximum", "[sim]") {
    LatencyHistogram histogram;
    CHECK(histogram.percentile(99) == 0us);
    for (int i = 1; i <= 1000; ++i)
        histogram.add(std::chrono::microseconds(i * 100));
    CHECK(histogram.count() == 1000);
    const auto near = [&](double percent, double us) {
        const auto is = static_cast<double>(histogram.percentile(percent).count());
        return is >= us && is <= us * 17 / 16;
    };
    CHECK(near(50, 50'000));
    CHECK(near(95, 95'000));
    CHECK(near(99, 99'000));
    CHECK(histogram.percentile(100) == 100'000us);
    CHECK(histogram.most() == 100'000us);
}

TEST_CASE("negative latencies and latencies of days are counted", "[sim]") {
    LatencyHistogram histogram;
    histogram.add(-5ns);
    histogram.add(15us);
    CHECK(histogram.percentile(50) == 0us);
    CHECK(histogram.percentile(100) == 15us);
    histogram.add(24h * 30);
    CHECK(histogram.percentile(100) > 24h);
}
