// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/strikes.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;
using Standing = Strikes::Standing;

TEST_CASE("each lost trial doubles the delay, from 10 s to 5 minutes") {
    Strikes strikes;
    Clock::Steady now{1h};
    CHECK(strikes.standing(now) == Standing::good);
    for (const auto delay : {10s, 20s, 40s, 80s, 160s, 300s, 300s, 300s}) {
        CAPTURE(delay.count());
        REQUIRE(strikes.add(now - 1s, now));
        CHECK(strikes.standing(now) == Standing::held_back);
        CHECK(strikes.standing(now + delay - 1ns) == Standing::held_back);
        now += delay;
        CHECK(strikes.standing(now) == Standing::on_trial);
        now += 10s;  // the trial batch is lost
    }
}

TEST_CASE("several batches lost in one incident count as one strike") {
    Strikes strikes;
    const Clock::Steady now{1h};
    CHECK(strikes.add(now - 10s, now));
    CHECK_FALSE(strikes.add(now - 9s, now + 1s));
    CHECK_FALSE(strikes.add(now, now + 10s));
    CHECK(strikes.count(now + 10s) == 1);
    CHECK(strikes.add(now + 11s, now + 21s));
    CHECK(strikes.count(now + 21s) == 2);
    // The strikes are cleared, and then another of the old batches times out.
    strikes.clear();
    CHECK_FALSE(strikes.add(now + 20s, now + 30s));
    CHECK(strikes.standing(now + 30s) == Standing::good);
}

TEST_CASE("one strike expires every five minutes") {
    Strikes strikes;
    Clock::Steady now{1h};
    strikes.add(now - 1s, now);
    CHECK(strikes.standing(now + 299s) == Standing::on_trial);
    CHECK(strikes.standing(now + 300s) == Standing::good);
    strikes.add(now + 1s, now + 10s);
    strikes.add(now + 20s, now + 30s);
    CHECK(strikes.count(now + 30s) == 3);
    CHECK(strikes.count(now + 330s) == 2);
    CHECK(strikes.count(now + 930s) == 0);
    // A new strike adds to those that are left.
    strikes.add(now + 630s, now + 640s);
    CHECK(strikes.count(now + 640s) == 2);
}

TEST_CASE("a release starts the trial at once, and a strike during it holds the agent back again") {
    Strikes strikes;
    const Clock::Steady now{1h};
    strikes.release();
    CHECK(strikes.standing(now) == Standing::good);
    strikes.add(now - 1s, now);
    strikes.release();
    CHECK(strikes.standing(now) == Standing::on_trial);
    strikes.add(now + 1s, now + 11s);
    CHECK(strikes.standing(now + 11s) == Standing::held_back);
    strikes.clear();
    CHECK(strikes.standing(now + 11s) == Standing::good);
}
