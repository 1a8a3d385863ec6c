// SPDX-License-Identifier: Apache-2.0
// A source that told a wrong newest block, far above the true one, must not stop the coordinator.
#include <catch2/catch.hpp>

#include "test/core/coordinator/engine_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kWrong = 1'000'100;

/// Polls once per second for `seconds`, with a block each second. Returns the last height.
std::uint64_t poll_for(Desk& desk, int seconds, const std::vector<PoolActionPtr>& pool, std::uint64_t height) {
    for (int i = 0; i < seconds; ++i) {
        desk.clock.advance(1s);
        desk.beat("a");
        desk.poll(pool, ++height);
    }
    return height;
}

}  // namespace

TEST_CASE("a lower tip is taken when the source has told only lower ones for 30 s, and tasks go out again") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.poll({}, 100);
    desk.poll({}, kWrong);
    std::uint64_t height = poll_for(desk, 30, {}, 100);
    CHECK(desk.engine->tip()->height == kWrong);
    height = poll_for(desk, 5, {}, height);
    CHECK(desk.engine->tip()->height == height);
    CHECK(desk.engine->tip_fault().empty());
    CHECK(desk.counter("tips_lowered") == 1);
    desk.state.hold_only(std::set<std::uint64_t>{height});
    desk.poll(actions(2), height);
    const Batches batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 2);
    CHECK(batches[0]->tasks[0].level == TaskLevel::l2_state_verify);
    CHECK(batches[0]->tasks[0].block_height == height);
}

TEST_CASE("an older tip that comes now and then is not taken") {
    Desk desk;
    for (int i = 0; i < 60; ++i) {
        desk.clock.advance(1s);
        desk.poll({}, i % 10 == 9 ? 100 : 95);
        CHECK(desk.engine->tip()->height == (i < 9 ? 95 : 100));
    }
    CHECK(desk.counter("tips_lowered") == 0);
}

TEST_CASE("accounts that were read at the wrong tip are read again at the true one") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.prove_slow("a", agent);
    desk.poll(actions(100), kWrong);  // more than the agent may hold, and the state answers at any height
    const std::uint64_t height = poll_for(desk, 31, actions(100), 100);
    REQUIRE(desk.engine->tip()->height == height);
    for (const auto& batch : desk.take_and_answer("a", agent)) {
        for (const TaskPackage& task : batch->tasks)
            CHECK((task.block_height == kWrong || task.block_height == height));
    }
    CHECK(desk.dispatched() == 101);
    desk.poll(actions(1, 500), height);
    const Batches batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 1);
    CHECK(batches[0]->tasks[0].block_height == height);
}

TEST_CASE("an action that was mined is not handed out again after the tip was lowered") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(1);
    desk.poll(pool, 100);
    CHECK(tasks_in(desk.take_and_answer("a", agent)) == 1);
    desk.block(101, pool);
    desk.poll(pool, kWrong);
    poll_for(desk, 40, pool, 101);
    REQUIRE(desk.counter("tips_lowered") == 1);
    CHECK(Desk::take(agent).empty());
    CHECK(desk.dispatched() == 1);
}

TEST_CASE("what left the pool at the wrong tip is forgotten by the true height") {
    CoordinatorSettings settings;
    settings.forget_after_blocks = 10;
    Desk desk(settings);
    FakeAgent agent = desk.join("a");
    const auto pool = actions(1);
    desk.poll(pool, 100);
    CHECK(tasks_in(desk.take_and_answer("a", agent)) == 1);
    desk.block(100, {});
    desk.poll({}, kWrong);
    std::uint64_t height = poll_for(desk, 31, {}, 100);
    REQUIRE(desk.engine->tip()->height == height);
    for (std::uint64_t block = 101; block <= height + 10; ++block)
        desk.block(block, {});
    CHECK(desk.engine->take_forgotten() == std::vector<Hash256>{pool[0]->raw_id});
}
