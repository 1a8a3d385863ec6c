// SPDX-License-Identifier: Apache-2.0
// What the log and the readiness check say while something outside is wrong.
#include "core/coordinator/coordinator.hpp"

#include <catch2/catch.hpp>

#include "test/core/coordinator/coordinator_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("the daemon keeps running and is not ready while the source fails") {
    House house;
    CHECK(house.coordinator->not_ready() == Reasons{{"source", "not read yet"}});
    FakeAgent agent = house.join("a");
    house.poll(actions(1), 100);
    CHECK(house.coordinator->not_ready().empty());
    house.pool.fail_tip(Error{ErrorCode::unavailable, "cannot read the tip", "node", "connection refused", ""});
    CHECK_FALSE(house.coordinator->poll_once());
    house.pool.fail_tip(std::nullopt);
    house.pool.fail_pending(Error{ErrorCode::bad_data, "cannot read the pool", "node", "", ""});
    CHECK_FALSE(house.coordinator->poll_once());
    CHECK(house.coordinator->not_ready().empty());
    house.manual.advance(31s);
    CHECK(house.coordinator->not_ready() == Reasons{{"source", "last read 31 s ago"}});
    house.pool.fail_pending(std::nullopt);
    REQUIRE(house.coordinator->poll_once());
    // The source is read again, but its tip is 31 s old by now, so no tasks are sent.
    CHECK(to_text(house.coordinator->not_ready()) ==
          "dispatch: block 100, the newest of the source, is 31 s old: no tasks are sent beyond 30 s");
    CHECK(house.coordinator->status().source_age == 31s);
}

TEST_CASE("a tip that is too old or in the future stops new tasks, and the log and readiness say so") {
    House house;
    std::vector<std::string> said;
    house.log = Log(LogLevel::info, [&](LogLevel, std::string_view text) { said.emplace_back(text); });
    house.restart();
    house.poll(actions(1), 100);
    said.clear();
    house.manual.advance(31s);
    house.coordinator->keep_time();
    house.coordinator->keep_time();
    REQUIRE(said.size() == 1);
    CHECK(said[0] ==
          "block 100, the newest of the source, is 31 s old: no tasks are sent beyond 30 s (is the node in "
          "step with the chain, and is the clock of this machine right?)");
    REQUIRE(house.coordinator->poll_once());  // the source is read, and its tip is still old
    CHECK(to_text(house.coordinator->not_ready()) ==
          "dispatch: block 100, the newest of the source, is 31 s old: no tasks are sent beyond 30 s");
    CHECK(house.counter("tip_stops") == 1);
    house.poll(actions(1), 101);
    CHECK(house.coordinator->not_ready().empty());
    CHECK(said.back() == "the newest block of the source is recent again, so tasks are sent again");
    house.manual.set_wall(house.manual.wall() - 40s);
    house.coordinator->keep_time();
    CHECK(to_text(house.coordinator->not_ready()).find("40 s ahead of this machine's clock") !=
          std::string::npos);
    house.close();
}

TEST_CASE("the log and readiness say that no account can be read, and why") {
    House house;
    std::vector<std::string> said;
    house.log = Log(LogLevel::info, [&](LogLevel, std::string_view text) { said.emplace_back(text); });
    house.restart();
    const FakeAgent agent = house.join("a");
    house.poll(actions(1), 100);
    said.clear();
    house.state.fail_all(Error{ErrorCode::out_of_range, "cannot read an account", "block 101",
                               "web3 is at block 90 and the node at block 101", "check node.web3"});
    for (std::uint64_t tip = 101; tip < 105; ++tip)
        house.poll(actions(tip - 99), tip);
    CHECK(
        to_text(house.coordinator->not_ready()) ==
        "accounts: no account could be read at the last 3 blocks, so tasks are sent at L1: web3 is at block 90 "
        "and the node at block 101");
    REQUIRE(said.size() == 1);
    CHECK(
        said[0] ==
        "no account could be read at the last 3 blocks, so tasks are sent at L1: cannot read an account: block "
        "101: web3 is at block 90 and the node at block 101 (hint: check node.web3)");
    CHECK(house.counter("account_outages") == 1);
    // Other errors may name an address, and anybody may read the reasons.
    house.state.fail_all(Error{ErrorCode::unavailable, "cannot read an account", "", "10.0.0.7 is away", ""});
    house.poll(actions(10), 105);
    CHECK(to_text(house.coordinator->not_ready()) ==
          "accounts: no account could be read at the last 3 blocks, so tasks are sent at L1");
    house.state.fail_all(std::nullopt);
    house.poll(actions(11), 106);
    CHECK(house.coordinator->not_ready().empty());
    CHECK(said.size() == 2);
    house.close();
}

TEST_CASE("blocks that the source has and the coordinator does not get are reported after a minute") {
    House house;
    std::vector<std::string> errors;
    house.log = Log(LogLevel::info, [&](LogLevel level, std::string_view text) {
        if (level == LogLevel::error) errors.emplace_back(text);
    });
    house.begin_at_100();
    house.restart();
    house.blocks.push_error(
        Error{ErrorCode::bad_data, "cannot read block 101", "node", "field 7 is cut off", ""});
    CHECK_FALSE(house.follow());
    house.poll({}, 101);
    house.coordinator->keep_time();
    for (int i = 1; i <= 6; ++i) {
        CHECK(house.coordinator->not_ready().empty());
        house.manual.advance(10s);
        house.poll({}, 101 + static_cast<std::uint64_t>(i));
        house.coordinator->keep_time();
    }
    CHECK(to_text(house.coordinator->not_ready()) ==
          "blocks: no block was processed for 60 s after block 100, and the source is at block 107");
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].find("field 7 is cut off") != std::string::npos);
    CHECK(house.counter("block_stops") == 1);
    house.block(101, {});
    REQUIRE(house.follow());
    house.coordinator->keep_time();
    CHECK(house.coordinator->not_ready().empty());
    house.close();
}

TEST_CASE("a ledger that is ahead of the node is reported, because it may belong to another chain") {
    House house;
    std::vector<std::string> said;
    house.log = Log(LogLevel::info, [&](LogLevel level, std::string_view text) {
        if (level == LogLevel::error || text.find("caught up") != text.npos) said.emplace_back(text);
    });
    house.begin_at_100();
    house.restart();
    house.poll({}, 88);  // as far behind as a source that reads the tip rarely may be
    CHECK(said.empty());
    house.poll({}, 40);
    house.poll({}, 41);
    REQUIRE(said.size() == 1);
    CHECK(said[0].find("the ledger ends at block 100 and the node is at block 40") == 0);
    CHECK(said[0].find("another chain") != std::string::npos);
    CHECK(house.counter("blocks_source_behind_ledger") == 59);
    house.poll({}, 101);
    REQUIRE(said.size() == 2);
    CHECK(house.counter("blocks_source_behind_ledger") == 0);
    house.close();
}
