// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "core/coordinator/engine.hpp"
#include "test/core/coordinator/engine_fixture.hpp"
#include "test/support/task_levels.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

CoordinatorSettings at_l4() {
    CoordinatorSettings settings;
    settings.task_level = kL4;
    settings.coinbase = "0x00000000000000000000000000000000000000aa";
    return settings;
}

std::vector<TaskLevel> levels_of(const Batches& batches) {
    std::vector<TaskLevel> out;
    for (const auto& batch : batches) {
        for (const TaskPackage& task : batch->tasks)
            out.push_back(task.level);
    }
    return out;
}

bool all_at(const Batches& batches, TaskLevel level) {
    const auto levels = levels_of(batches);
    return !levels.empty() &&
           std::all_of(levels.begin(), levels.end(), [&](TaskLevel l) { return l == level; });
}

}  // namespace

TEST_CASE("a task at L4 carries the EVM transaction and the next block's context, a staking action neither",
          "[defect-15]") {
    Desk desk(at_l4());
    FakeAgent agent = desk.join("a", kL4);
    desk.engine->diffs_written("a", 100);
    const PoolActionPtr call = fake_action({.nonce = 1});
    const PoolActionPtr stake = fake_action({.nonce = 2, .kind = "stakeCreate", .evm = false});
    desk.engine->update_pool({{call, stake}}, ChainTip{100, desk.clock.wall(), 1'000'000'000'000},
                             [](const PoolAction&) { return AnsweredEarlier{}; });
    desk.work(true);
    const Batches batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 2);
    const TaskPackage& first = batches[0]->tasks[0];
    CHECK(first.level == kL4);
    CHECK(first.block_height == 100);
    CHECK(first.evm_tx == call->evm_tx);
    REQUIRE(first.block_context);
    CHECK(first.block_context->number == 101);
    CHECK(first.block_context->timestamp == 1767225600 + 5);
    CHECK(first.block_context->gas_limit == 30'000'000);
    CHECK(first.block_context->base_fee == "1000000000000");
    CHECK(first.block_context->coinbase == "0x00000000000000000000000000000000000000aa");
    CHECK(first.sender);
    const TaskPackage& second = batches[0]->tasks[1];
    CHECK(second.level == kL4);
    CHECK_FALSE(second.evm_tx);
    CHECK_FALSE(second.block_context);
    CHECK(second.sender);  // the task is answered at L2
}

TEST_CASE("an L4 agent gets tasks at tip H only after diff H was written to its stream") {
    Desk desk(at_l4());
    FakeAgent agent = desk.join("a", kL4);
    desk.engine->diffs_written("a", 99);
    desk.poll({}, 99);
    desk.poll(actions(3), 100);
    CHECK(Desk::take(agent).empty());
    const int told = agent.sink->ready();
    desk.engine->diffs_written("a", 100);
    CHECK(agent.sink->ready() == told + 1);
    const Batches batches = Desk::take(agent);
    CHECK(tasks_in(batches) == 3);
    CHECK(all_at(batches, kL4));
    CHECK(batches[0]->tasks[0].block_context->number == 101);
}

TEST_CASE("an L4 agent whose diff does not come gets tasks of lower levels") {
    Desk desk(at_l4());
    FakeAgent agent = desk.join("a", kL4);
    desk.engine->diffs_written("a", 99);
    desk.poll({}, 99);
    desk.poll(actions(3), 100);
    CHECK(Desk::take(agent).empty());
    const int told = agent.sink->ready();
    desk.pass(2s);
    CHECK(agent.sink->ready() == told + 1);
    const Batches batches = Desk::take(agent);
    CHECK(tasks_in(batches) == 3);
    CHECK(all_at(batches, kL2));
    CHECK_FALSE(batches[0]->tasks[0].evm_tx);
    CHECK(desk.counter("batches_timed_out") == 0);
    // When its diffs have reached the tip again, it gets L4 tasks again.
    desk.engine->diffs_written("a", 100);
    desk.poll(actions(5), 100);
    CHECK(all_at(Desk::take(agent), kL4));
}

TEST_CASE("an L4 agent that cannot be in step gets lower tasks at once") {
    Desk desk(at_l4());
    FakeAgent agent = desk.join("a", kL4);
    SECTION("there is no source of diffs") {}
    SECTION("the agent is far behind") {
        desk.engine->diffs_written("a", 50);
    }
    SECTION("the agent's stream has ended") {
        desk.engine->diffs_written("a", 100);
        desk.engine->diffs_written("a", 0);
    }
    desk.poll({}, 99);
    desk.poll(actions(3), 100);
    CHECK(all_at(Desk::take(agent), kL2));
}

TEST_CASE("L4 agents in step get tasks first, agents below L4 only when those are full") {
    Desk desk(at_l4());
    FakeAgent in_step = desk.join("in-step", kL4);
    desk.prove_quick("in-step", in_step);
    FakeAgent behind = desk.join("behind", kL4);
    FakeAgent third = desk.join("third", kL3);
    FakeAgent second = desk.join("second", kL2);
    desk.engine->diffs_written("in-step", 100);
    desk.engine->diffs_written("behind", 10);
    desk.poll(actions(100), 100);
    CHECK(levels_of(Desk::take(in_step)) == std::vector<TaskLevel>(100, kL4));
    CHECK(tasks_in(Desk::take(behind)) + tasks_in(Desk::take(third)) + tasks_in(Desk::take(second)) == 0);
    desk.poll(actions(100 + 60 + 30), 100);
    CHECK(levels_of(Desk::take(in_step)) == std::vector<TaskLevel>(60, kL4));
    // L4 tasks go only to agents that have the tip's diff.
    const Batches to_behind = Desk::take(behind);
    const Batches to_third = Desk::take(third);
    CHECK(tasks_in(to_behind) + tasks_in(to_third) == 30);
    CHECK(all_at(to_behind, kL2));
    CHECK(all_at(to_third, kL2));
}

TEST_CASE("an answer knows the block that its agent has the diff of, and the block that was just fetched") {
    Desk desk(at_l4());
    FakeAgent agent = desk.join("a", kL4);
    desk.engine->diffs_written("a", 100);
    desk.poll(actions(1), 100);
    const Batches batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 1);
    std::uint64_t known = 0;
    SECTION("neither") {
        known = 100;
    }
    SECTION("the diff was written before the block was compared") {
        desk.engine->diffs_written("a", 101);
        known = 101;
    }
    SECTION("the block was fetched and is being compared") {
        desk.engine->block_known(102);
        known = 102;
    }
    REQUIRE(desk.submit("a", answer_to(*batches[0]))->accepted);
    REQUIRE(desk.answers.size() == 1);
    CHECK(desk.answers[0].known_height == known);
}

TEST_CASE("an answer to an L4 task with an EVM transaction counts as executed, other answers do not") {
    Desk desk(at_l4());
    FakeAgent agent = desk.join("a", kL4);
    desk.engine->diffs_written("a", 100);
    desk.poll({fake_action({.nonce = 1}), fake_action({.nonce = 2, .kind = "stakeCreate", .evm = false})}, 100);
    REQUIRE(desk.submit("a", answer_to(*Desk::take(agent).at(0), false))->accepted);
    REQUIRE(desk.answers.size() == 2);
    CHECK(desk.answers[0].executed);
    CHECK_FALSE(desk.answers[1].executed);
    desk.answers.clear();
    desk.engine->diffs_written("a", 0);
    desk.poll({fake_action({.nonce = 3})}, 101);
    REQUIRE(desk.submit("a", answer_to(*Desk::take(agent).at(0)))->accepted);
    CHECK_FALSE(desk.answers.at(0).executed);
}

TEST_CASE("below task level L4 an agent at L4 gets the task level, in step or not") {
    Desk desk;
    FakeAgent agent = desk.join("a", kL4);
    desk.engine->diffs_written("a", 100);
    desk.poll(actions(3), 100);
    const Batches batches = Desk::take(agent);
    CHECK(all_at(batches, kL2));
    CHECK_FALSE(batches[0]->tasks[0].evm_tx);
}

TEST_CASE("a diff stream may open before the agent registers") {
    Desk desk(at_l4());
    desk.engine->diffs_written("a", 100);
    FakeAgent agent = desk.join("a", kL4);
    desk.poll(actions(3), 100);
    CHECK(all_at(Desk::take(agent), kL4));
}

TEST_CASE("an agent that opens its task stream at a lower level gets that level") {
    Desk desk(at_l4());
    FakeAgent agent = desk.join("a", kL4);
    desk.engine->diffs_written("a", 100);
    desk.poll({}, 100);
    agent = desk.open("a", kL2);
    desk.poll(actions(3), 100);
    CHECK(all_at(Desk::take(agent), kL2));
}
