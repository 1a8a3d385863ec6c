// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/block_watch.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;

TEST_CASE("unprocessed blocks are reported after 60 s") {
    BlockWatch watch;
    const Clock::Steady now{1h};
    CHECK_FALSE(watch.look(100, 99, now));
    CHECK_FALSE(watch.look(120, 99, now + 59s));
    CHECK(watch.look(120, 99, now + 60s) == 60s);
    CHECK(watch.look(121, 99, now + 75s) == 75s);
    CHECK_FALSE(watch.look(121, 100, now + 76s));  // a block was processed
    CHECK(watch.look(121, 100, now + 136s) == 60s);
}

TEST_CASE("a chain that makes no blocks is not reported as blocks that cannot be read") {
    BlockWatch watch;
    const Clock::Steady now{1h};
    CHECK_FALSE(watch.look(100, 100, now));
    CHECK_FALSE(watch.look(100, 100, now + 10min));
    CHECK_FALSE(watch.look(101, 100, now + 20min));
    // A source that is behind the ledger.
    CHECK_FALSE(watch.look(50, 100, now + 30min));
}

TEST_CASE("before the first block is processed, blocks above the first seen tip count") {
    BlockWatch watch;
    const Clock::Steady now{1h};
    CHECK_FALSE(watch.look(1000, 0, now));
    CHECK_FALSE(watch.look(1001, 0, now + 2min));  // one block ahead is normal (kAheadIsNormal)
    CHECK(watch.look(1002, 0, now + 3min) == 180s);
}

TEST_CASE("after a reset the minute starts again") {
    BlockWatch watch;
    const Clock::Steady now{1h};
    CHECK_FALSE(watch.look(100, 90, now));
    watch.reset();
    CHECK_FALSE(watch.look(100, 90, now + 2min));
    CHECK(watch.look(100, 90, now + 3min) == 60s);
}
