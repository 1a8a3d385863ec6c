// SPDX-License-Identifier: Apache-2.0
// If a source of diffs stays open and sends nothing, only the distance between log and chain shows it.
#include "core/diffs/diff_lag.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/fakes.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

struct World {
    ManualClock clock;
    std::vector<LogLevel> lines;
    DiffLag lag{
        {}, clock, Log(LogLevel::debug, [this](LogLevel level, std::string_view) { lines.push_back(level); })};
    std::uint64_t chain = 1000;

    /// A block every 5 s while the log stays at `log`.
    void blocks(int count, std::uint64_t log) {
        for (int i = 0; i < count; ++i) {
            clock.advance(5s);
            lag.note(++chain, log);
        }
    }
    /// The reasons on /readyz while the log is at `log`.
    std::string reasons(std::uint64_t log) {
        Reasons out;
        lag.add_reasons(log, out);
        return to_text(out);
    }
};

}  // namespace

TEST_CASE("diff lag: a log that stops while the chain continues raises one alarm after 12 blocks and 60 s") {
    World world;
    world.blocks(11, 1000);  // 11 blocks ahead
    world.clock.advance(10min);
    CHECK(world.reasons(1000).empty());
    world.blocks(12, 1000);  // 12 to 23 blocks ahead, 55 s since the first of them
    CHECK(world.reasons(1000).empty());
    CHECK(world.lag.times_lagging() == 0);
    world.blocks(1, 1000);
    CHECK(world.reasons(1000) ==
          "state diffs: the node has stopped sending state diffs: the log ends at height 1000, the chain is 24 "
          "blocks ahead");
    world.blocks(100, 1000);
    CHECK(world.lines == std::vector{LogLevel::error});
    CHECK(world.lag.times_lagging() == 1);
}

TEST_CASE("diff lag: the alarm ends as soon as the log has caught up, even before the next block") {
    World world;
    world.blocks(30, 1000);
    REQUIRE(world.reasons(1000) != "");
    CHECK(world.reasons(1018) != "");  // still 12 blocks behind
    CHECK(world.reasons(1019).empty());
    CHECK(world.lines == std::vector{LogLevel::error, LogLevel::info});
    world.blocks(40, 1019);
    CHECK(world.reasons(1019) != "");
    CHECK(world.lag.times_lagging() == 2);
}

TEST_CASE("diff lag: a log that is catching up raises no alarm, however far behind it is") {
    World world;
    std::uint64_t log = 0;
    for (int i = 0; i < 100; ++i)
        world.blocks(1, log += 3);
    CHECK(world.reasons(log).empty());
    // Falling behind by as many blocks as the chain advances counts as a new lag.
    world.blocks(20, log);
    CHECK(world.reasons(log) != "");
}
