// SPDX-License-Identifier: Apache-2.0
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/core/coordinator/run_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kLevel2 = TaskLevel::l2_state_verify;
constexpr auto kLevel3 = TaskLevel::l3_full_execute;
constexpr auto kLevel4 = TaskLevel::l4_state_sync;

/// The task of an agent that was given exactly one.
TaskPackage only_task(const Batches& batches) {
    REQUIRE(tasks_in(batches) == 1);
    return batches[0]->tasks[0];
}

/// The answer of an agent that executes the task.
TaskResult executed(RunDesk& desk, const TaskPackage& task) {
    auto answer = execute_task(desk.executor, task);
    REQUIRE(answer);
    answer->task_id = task.task_id;
    return *std::move(answer);
}

/// Takes the agent's only batch, executes its only task, changes the answer and submits it.
RunComparison answer_with(RunDesk& desk, FakeAgent& agent,
                          const std::function<void(TaskResult&)>& change = {}) {
    const Batches batches = Desk::take(agent);
    TaskResult result = executed(desk, only_task(batches));
    if (change) change(result);
    REQUIRE(desk.submit("a", {"a", batches[0]->batch_id, {result}, 0}));
    return desk.answers.back().run;
}

}  // namespace

TEST_CASE("a task at L3 carries code, slots, the transaction and the next block's context") {
    RunDesk desk;
    FakeAgent agent = desk.join("a", kLevel3);
    const PoolActionPtr call = call_of(7);
    desk.poll_and_run({call});
    const TaskPackage task = only_task(Desk::take(agent));
    const std::string contract = to_hex0x(address_of_number(7).view());
    CHECK(task.level == kLevel3);
    CHECK(task.evm_tx == call->evm_tx);
    CHECK(task.block_height == 100);
    REQUIRE(task.block_context);
    CHECK(task.block_context->number == 101);
    CHECK(task.block_context->timestamp == 1767225600 + 5);
    CHECK(to_hex(task.contract_code.at(contract)) == kCounterCode);
    REQUIRE(task.storage_slots.at(contract).size() == 1);
    CHECK(task.storage_slots.at(contract).begin()->second == "0x" + std::string(63, '0') + "5");
    CHECK(executed(desk, task).state_changes.size() == 1);
    CHECK(desk.counter("tasks_given_at_l3") == 1);
    CHECK(desk.counter("runs_complete") == 1);
}

TEST_CASE("no transaction is run when no agent executes or the task level is below L3") {
    const bool low_agent = GENERATE(true, false);
    RunDesk desk(RunDesk::at_level(low_agent ? kLevel3 : kLevel2));
    FakeAgent agent = desk.join("a", low_agent ? kLevel2 : kLevel3);
    desk.poll_and_run({call_of(7)});
    const TaskPackage task = only_task(Desk::take(agent));
    CHECK(task.level == kLevel2);
    CHECK_FALSE(task.evm_tx);
    CHECK(task.contract_code.empty());
    CHECK(desk.source.fetches == 0);
}

TEST_CASE("an agent at L3 gets a staking action as an L2 task") {
    RunDesk desk;
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({fake_action({.kind = "stakeCreate", .evm = false})});
    CHECK(only_task(Desk::take(agent)).level == kLevel2);
    CHECK(desk.source.fetches == 0);
}

TEST_CASE("a transaction whose run exceeds a limit goes out at L2, and a counter gives the reason") {
    evm::ReadingBounds bounds;
    bounds.rounds = 1;
    RunDesk desk(RunDesk::at_level(kLevel3), {}, bounds);
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({call_of(7)});
    const TaskPackage task = only_task(Desk::take(agent));
    CHECK(task.level == kLevel2);
    CHECK_FALSE(task.evm_tx);
    CHECK(desk.counter("runs_too_many_rounds") == 1);
    CHECK(desk.counter("tasks_given_at_l3") == 0);
    // The run is not tried again at the same height.
    desk.poll_and_run({call_of(7)});
    CHECK(desk.counter("runs_too_many_rounds") == 1);
}

TEST_CASE("a run that cannot read its source goes out at L2 without delay") {
    RunDesk desk;
    desk.source.fails = true;
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({call_of(7)});
    CHECK(only_task(Desk::take(agent)).level == kLevel2);
    CHECK(desk.counter("runs_fetch_failed") == 1);
}

TEST_CASE("a run that a new block made outdated is repeated at the new tip") {
    RunDesk desk;
    desk.source.tip = 101;
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({call_of(7)}, 100);
    CHECK(Desk::take(agent).empty());
    CHECK(desk.engine->waits_for_poll());
    desk.poll_and_run({call_of(7)}, 101);
    const TaskPackage task = only_task(Desk::take(agent));
    CHECK(task.level == kLevel3);
    CHECK(task.block_height == 101);
    CHECK(desk.counter("runs_tip_moved") == 1);
}

TEST_CASE("a task whose source is always ahead of the tip goes out at L2 in the end") {
    RunDesk desk;
    desk.source.tip = 5'000;
    FakeAgent agent = desk.join("a", kLevel3);
    for (int polls = 0; polls < 3; ++polls)
        desk.poll_and_run({call_of(7)}, 100);
    CHECK(only_task(Desk::take(agent)).level == kLevel2);
    CHECK(desk.counter("runs_tip_moved") == 3);
}

TEST_CASE("a task whose run does not end in time goes out at L2") {
    RunDesk desk;
    FakeAgent agent = desk.join("a", kLevel3);
    desk.update({call_of(7)}, 100);
    for (const AccountReadPtr& read : desk.engine->dispatch(true))
        desk.engine->reads_done(read, read_accounts(desk.state, *read));
    CHECK(desk.engine->dispatch().empty());
    const auto runs = desk.engine->take_runs();
    REQUIRE(runs.size() == 1);
    CHECK(desk.engine->wanted(*runs[0]));
    CHECK(Desk::take(agent).empty());
    desk.pass(kReadDeadline + 1ms);
    CHECK(only_task(Desk::take(agent)).level == kLevel2);
    CHECK(desk.counter("runs_late") == 1);
    CHECK_FALSE(desk.engine->wanted(*runs[0]));
    // Too late, so the result is ignored.
    desk.engine->run_done(*runs[0], desk.runner.run(desk.executor, *runs[0]));
    CHECK(desk.engine->take_runs().empty());
}

TEST_CASE("a task that waited for two blocks is run again") {
    RunDesk desk;
    desk.poll_and_run({call_of(7)}, 100);  // no agent is there yet
    FakeAgent agent = desk.join("a", kLevel3);
    desk.source.set_slot(address_of_number(7), 0, 6);
    desk.poll_and_run({call_of(7)}, 102);
    const TaskPackage task = only_task(Desk::take(agent));
    CHECK(task.level == kLevel3);
    CHECK(task.block_height == 102);
    CHECK(task.block_context->number == 103);
    CHECK(task.storage_slots.begin()->second.begin()->second == "0x" + std::string(63, '0') + "6");
}

TEST_CASE("an executed answer is recorded with its comparison to the own run") {
    RunDesk desk;
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({call_of(7)});
    SECTION("the answer agrees") {
        CHECK(answer_with(desk, agent) ==
              RunComparison{OwnRun::valid, false, Agreement::same, Agreement::same});
        CHECK(desk.answers.back().executed);
        CHECK(desk.counter("answers_unlike_our_run") == 0);
    }
    SECTION("the gas differs") {
        CHECK(answer_with(desk, agent, [](TaskResult& r) { ++r.gas_used; }).gas == Agreement::differs);
        CHECK(desk.counter("answers_unlike_our_run") == 1);
    }
    SECTION("the state differs") {
        CHECK(answer_with(desk, agent, [](TaskResult& r) { r.state_changes.clear(); }).state ==
              Agreement::differs);
    }
}

TEST_CASE("answers that differ from own runs are logged with the agent's id, once per hour") {
    std::mutex mutex;
    std::vector<std::string> lines;
    const Log log(LogLevel::warn, [&](LogLevel, std::string_view line) {
        const std::lock_guard lock(mutex);
        lines.emplace_back(line);
    });
    RunDesk desk(RunDesk::at_level(kLevel3), log);
    FakeAgent agent = desk.join("a", kLevel3);
    const auto answer_wrongly = [&](std::uint64_t nonce) {
        desk.poll_and_run({call_of(7, nonce)});
        (void)answer_with(desk, agent, [](TaskResult& r) { r.gas_used = 1; });
    };
    answer_wrongly(1);
    answer_wrongly(2);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("agent a executed transaction 0xac") == 0);
    CHECK(lines[0].find("the agent used 1 gas, our run 5032") != std::string::npos);
    CHECK(desk.counter("answers_unlike_our_run") == 2);
}

TEST_CASE("a batch that is sent again after its stream was cut has the same run as the first time") {
    RunDesk desk;
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({call_of(7)}, 100);
    const TaskPackage first = only_task(Desk::take(agent));
    desk.source.set_slot(address_of_number(7), 0, 6);
    agent = desk.open("a", kLevel3);
    desk.poll_and_run({call_of(7)}, 102);
    const Batches batches = Desk::take(agent);
    const TaskPackage again = only_task(batches);
    CHECK(again.block_height == first.block_height);
    CHECK(again.storage_slots == first.storage_slots);
    CHECK(desk.counter("tasks_given_at_l3") == 1);
    TaskResult result = executed(desk, first);
    REQUIRE(desk.submit("a", {"a", batches[0]->batch_id, {result}, 0}));
    CHECK(desk.answers.back().run == RunComparison{OwnRun::valid, false, Agreement::same, Agreement::same});
}

TEST_CASE("tasks beyond the size limit of a batch go out at L2") {
    RunDesk desk;
    std::string large = kCounterCode;  // plus 3 MiB of code that is never reached
    large += std::string(2 * (std::size_t{3} << 20), '0');
    desk.contract(8, large);
    desk.contract(9, large);
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({call_of(8, 1), call_of(9, 2), call_of(7, 3)});
    const Batches batches = Desk::take(agent);
    REQUIRE(batches.size() == 1);
    REQUIRE(batches[0]->tasks.size() == 3);
    CHECK(batches[0]->tasks[0].level == kLevel3);
    CHECK(batches[0]->tasks[1].level == kLevel2);
    CHECK(batches[0]->tasks[1].contract_code.empty());
    CHECK(batches[0]->tasks[2].level == kLevel3);
    CHECK(desk.counter("tasks_lowered_batch_full") == 1);
}

TEST_CASE("an answer of an agent at L4 in step is compared with a run over the whole state of that height") {
    RunDesk desk(RunDesk::at_level(kLevel4));
    FakeAgent agent = desk.join("a", kLevel4);
    desk.engine->diffs_written("a", 100);
    desk.poll_and_run({call_of(7)}, 100);
    const Batches batches = Desk::take(agent);
    const TaskPackage task = only_task(batches);
    CHECK(task.level == kLevel4);
    CHECK(task.contract_code.empty());  // an L4 agent has the code itself
    CHECK(task.block_context->number == 101);
    TaskResult result;
    result.task_id = task.task_id;
    result.valid = true;
    result.gas_used = 5'032;
    result.state_changes = {{to_hex0x(address_of_number(7).view()), "0x00", "0x05", "0x06"}};
    REQUIRE(desk.submit("a", {"a", batches[0]->batch_id, {result}, 0}));
    CHECK(desk.answers.back().run == RunComparison{OwnRun::valid, true, Agreement::same, Agreement::same});
    CHECK(desk.counter("tasks_given_at_l4") == 1);
}

TEST_CASE("an agent at L4 that is behind gets no L4 task, because it would read an old state") {
    RunDesk desk(RunDesk::at_level(kLevel4));
    FakeAgent agent = desk.join("a", kLevel4);
    desk.engine->diffs_written("a", 50);
    desk.poll_and_run({call_of(7)}, 100);
    CHECK(only_task(Desk::take(agent)).level == kLevel2);
}

TEST_CASE("an agent at L4 that falls behind before it takes its batch gets L2, not L3") {
    RunDesk desk(RunDesk::at_level(kLevel4));
    FakeAgent agent = desk.join("a", kLevel4);
    desk.engine->diffs_written("a", 100);
    desk.poll_and_run({call_of(7)}, 100);
    desk.update({call_of(7)}, 101);
    desk.pass(3s);  // the engine waits 2 s for a diff
    const Batches batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 1);
    CHECK(batches[0]->tasks[0].level == kLevel2);
    CHECK_FALSE(batches[0]->tasks[0].evm_tx);
}

namespace {

/// An agent at L4 that took one task at height 100, and whose stream was cut before its answer came.
struct CutAtL4 {
    explicit CutAtL4(std::uint64_t next_tip) : desk(RunDesk::at_level(kLevel4)) {
        FakeAgent agent = desk.join("a", kLevel4);
        desk.engine->diffs_written("a", 100);
        desk.poll_and_run({call_of(7)}, 100);
        taken = Desk::take(agent);
        desk.update({call_of(7)}, next_tip);
    }
    /// The answer of an agent that executed the task otherwise than our run.
    [[nodiscard]] TaskResult reverted() const {
        TaskResult result;
        result.task_id = only_task(taken).task_id;
        result.valid = false;
        result.gas_used = 5'032;
        result.exec_error = "execution reverted";
        return result;
    }
    const Answer& submit(const TaskResult& result) {
        REQUIRE(desk.submit("a", {"a", taken[0]->batch_id, {result}, 0})->accepted);
        return desk.answers.back();
    }

    RunDesk desk;
    Batches taken;
};

}  // namespace

TEST_CASE("an answer in flight to an L4 task counts as executed although the task was sent again at L2") {
    CutAtL4 cut(101);
    cut.desk.pass(3s);  // the diff of the new tip does not come in time
    FakeAgent agent = cut.desk.open("a", kLevel4);
    const TaskPackage again = only_task(Desk::take(agent));
    CHECK(again.level == kLevel2);
    CHECK_FALSE(again.evm_tx);
    SECTION("the answer to the first copy") {
        const Answer& answer = cut.submit(cut.reverted());
        CHECK(answer.executed);
        CHECK(answer.run.own == OwnRun::valid);
        CHECK(cut.desk.counter("answers_unlike_our_run") == 1);
    }
    SECTION("the answer to the second copy") {
        TaskResult result;
        result.task_id = again.task_id;
        result.valid = true;
        const Answer& answer = cut.submit(result);
        CHECK_FALSE(answer.executed);
        CHECK(answer.run == RunComparison{});
    }
    SECTION("once the agent is in step again, it is sent at its first level") {
        cut.desk.engine->diffs_written("a", 101);
        agent = cut.desk.open("a", kLevel4);
        const TaskPackage third = only_task(Desk::take(agent));
        CHECK(third.level == kLevel4);
        CHECK(third.block_height == 100);
        CHECK(cut.desk.counter("tasks_given_at_l4") == 1);
    }
}

TEST_CASE("an L4 task that is sent again after a new block keeps its first run") {
    CutAtL4 cut(101);
    cut.desk.engine->diffs_written("a", 101);
    FakeAgent agent = cut.desk.open("a", kLevel4);
    const TaskPackage again = only_task(Desk::take(agent));
    CHECK(again.level == kLevel4);
    CHECK(again.block_height == 100);
    CHECK(again.block_context == only_task(cut.taken).block_context);
    const Answer& answer = cut.submit(cut.reverted());
    CHECK(answer.executed);
    CHECK(answer.run.own == OwnRun::valid);
}

TEST_CASE("an L3 task is sent again at L2 to an agent that opened its new stream at L2") {
    RunDesk desk;
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({call_of(7)}, 100);
    const Batches taken = Desk::take(agent);
    agent = desk.open("a", kLevel2);
    CHECK(only_task(Desk::take(agent)).level == kLevel2);
    TaskResult result = executed(desk, only_task(taken));
    REQUIRE(desk.submit("a", {"a", taken[0]->batch_id, {result}, 0})->accepted);
    CHECK(desk.answers.back().executed);
    CHECK(desk.answers.back().run == RunComparison{OwnRun::valid, false, Agreement::same, Agreement::same});
}

TEST_CASE("at task level L4 an agent at L3 gets L3 tasks") {
    RunDesk desk(RunDesk::at_level(kLevel4));
    FakeAgent agent = desk.join("a", kLevel3);
    desk.poll_and_run({call_of(7)}, 100);
    CHECK(only_task(Desk::take(agent)).level == kLevel3);
}
