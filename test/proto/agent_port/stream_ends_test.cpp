// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/stream_ends.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;

TEST_CASE("the ends of a hundred streams are spread evenly over the whole time", "[stream-ends]") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        std::mt19937_64 random(seed);
        const auto times = proto::stream_end_times(100, 5s, random);
        REQUIRE(times.size() == 100);
        CHECK(std::is_sorted(times.begin(), times.end()));
        CHECK(times.front() >= 0s);
        CHECK(times.back() <= 5s);
        CHECK(times.back() >= 4'950ms);
        // Each part of 50 ms has one end, so a second that begins anywhere has 21 at most.
        for (const auto& begin : times) {
            const auto in_second = std::count_if(times.begin(), times.end(),
                                                 [&](auto at) { return at >= begin && at < begin + 1s; });
            CHECK(in_second <= 21);
        }
    }
}

TEST_CASE("the moments are random, so that two coordinators do not end their streams together",
          "[stream-ends]") {
    std::mt19937_64 one(1);
    std::mt19937_64 other(2);
    CHECK(proto::stream_end_times(10, 5s, one) != proto::stream_end_times(10, 5s, other));
}

TEST_CASE("a few streams end quickly, and no streams take no time", "[stream-ends]") {
    std::mt19937_64 random(3);
    CHECK(proto::stream_end_times(0, 5s, random).empty());
    CHECK(proto::stream_end_times(1, 5s, random).back() <= 250ms);
    CHECK(proto::stream_end_times(4, 5s, random).back() <= 1s);
    for (const auto at : proto::stream_end_times(50, 0s, random))
        CHECK(at == 0s);
}
