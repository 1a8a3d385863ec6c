// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/task_book.hpp"

#include <catch2/catch.hpp>

#include "test/core/coordinator/engine_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("a pending transaction is dispatched once, however often it is polled", "[defect-11]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(132);
    std::size_t given = 0;
    for (int poll = 0; poll < 50; ++poll) {
        desk.poll(pool, 100 + static_cast<std::uint64_t>(poll));
        for (const auto& batch : Desk::take(agent)) {
            given += batch->tasks.size();
            REQUIRE(desk.submit("a", answer_to(*batch))->accepted);
        }
        desk.clock.advance(1s);
        desk.beat("a");
    }
    CHECK(given == 132);
    CHECK(desk.dispatched() == 132);
    CHECK(desk.counter("tasks_created") == 132);
}

TEST_CASE("one transaction in two encodings is one task", "[defect-12]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const PoolActionPtr native = fake_action({.nonce = 1});
    auto wrapped = std::make_shared<PoolAction>(*native);
    wrapped->raw.push_back(1);
    wrapped->raw_id.bytes[5] = 0x77;
    desk.poll({native});
    desk.poll({native, wrapped});
    desk.poll({wrapped});
    CHECK(tasks_in(Desk::take(agent)) == 1);
    CHECK(desk.counter("tasks_created") == 1);
}

TEST_CASE("blocks do not affect tasks of pending transactions", "[defect-13]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(3);
    desk.poll(pool);
    const auto batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 3);
    desk.block(101, {pool[0]});
    for (std::uint64_t height = 102; height < 110; ++height)
        desk.block(height, {});
    // The agent's answer counts for all three tasks, including the mined one, because late results are
    // compared.
    const auto response = desk.submit("a", answer_to(*batches[0]));
    REQUIRE(response);
    CHECK(response->accepted);
    CHECK(desk.answers.size() == 3);
    desk.poll({pool[1], pool[2]}, 110);
    CHECK(Desk::take(agent).empty());
}

TEST_CASE("a task ages from the block at which it left the pool, not by the block count", "[defect-14]") {
    Desk desk;
    desk.join("a");
    const auto pool = actions(4);
    desk.poll(pool, 990);
    desk.block(1000, {});  // nothing special happens at round heights
    desk.poll(pool, 1000);
    CHECK(desk.counter("tasks_known") == 4);
    desk.poll({pool[0], pool[1], pool[2]}, 1010);  // one action left the pool
    desk.block(1109, {});
    CHECK(desk.counter("tasks_known") == 4);
    desk.block(1110, {});
    CHECK(desk.counter("tasks_known") == 3);
    CHECK(desk.counter("tasks_forgotten") == 1);
}

TEST_CASE("tasks are kept while blocks come late, and dropped when the blocks can no longer be caught up") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(2);
    desk.block(100, {});
    desk.poll(pool, 100);
    desk.poll({}, 101);
    desk.poll({}, 500);  // the block stream lags far behind the polls
    CHECK(desk.counter("tasks_known") == 2);
    desk.block(101, {pool[0]});
    CHECK(desk.counter("tasks_mined") == 1);
    desk.poll({}, 201 + kMaxBlocksToCatchUp - 1);
    CHECK(desk.counter("tasks_known") == 1);
    desk.poll({}, 201 + kMaxBlocksToCatchUp);
    CHECK(desk.counter("tasks_known") == 0);
    CHECK(desk.counter("tasks_forgotten") == 1);
}

TEST_CASE("an answer recorded after its task was dropped is reported to the payroll as forgotten") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(1);
    desk.poll(pool, 100);
    auto judged = desk.engine->judge("a", answer_to(*Desk::take(agent).at(0)));
    REQUIRE(judged);
    desk.poll({}, 101);
    desk.block(201, {});
    CHECK(desk.engine->take_forgotten().empty());
    desk.engine->recorded(std::get<Submission>(*judged), {});
    CHECK(desk.engine->take_forgotten() == std::vector<Hash256>{pool[0]->raw_id});
}

TEST_CASE("a mined task is kept 32 blocks for late results, then dropped completely", "[defect-41]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    for (std::uint64_t round = 0; round < 200; ++round) {
        const auto pool = actions(10, round * 10);
        desk.poll(pool, 100 + round);
        for (const auto& batch : Desk::take(agent))
            REQUIRE(desk.submit("a", answer_to(*batch))->accepted);
        desk.block(101 + round, pool);
        desk.beat("a");
        desk.clock.advance(1s);
        REQUIRE(desk.counter("tasks_known") <= 33 * 10);
    }
    CHECK(desk.answers.size() == 2000);
    for (std::uint64_t height = 301; height < 335; ++height)
        desk.block(height, {});
    desk.poll({}, 335);
    CHECK(desk.counter("tasks_known") == 0);
    CHECK(desk.counter("tasks_mined") == 2000);
}

TEST_CASE("only transactions mined between two polls of the pool are counted as unseen") {
    Desk desk;
    const auto pool = actions(4);
    desk.block(99, {pool[3]});  // before the first poll nothing could be seen
    desk.poll({pool[0]}, 100);
    desk.block(100, {pool[3]});
    CHECK(desk.counter("actions_mined_unseen") == 0);
    desk.block(101, {pool[0], pool[1]});
    CHECK(desk.counter("actions_mined_unseen") == 1);
    desk.poll({pool[1]}, 101);  // the list is older than the block: still too late
    desk.engine->on_block(fake_block(102, {{*pool[2]->hash, kReceiptSuccess, 0}}, desk.clock.wall()));
    // It consumed no gas, so it is an action of the chain itself.
    CHECK(desk.counter("actions_mined_unseen") == 1);
    CHECK(desk.counter("tasks_mined") == 1);
}

TEST_CASE("coverage is the share of mined transactions that an agent's stream took before their block") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto coverage = [&] {
        StatusView view;
        desk.engine->describe(view);
        return std::pair(view.coverage.handed_out, view.coverage.mined);
    };
    const auto pool = actions(6);
    desk.poll({pool[0], pool[1], pool[2]}, 100);
    CHECK(coverage() == std::pair<std::uint64_t, std::uint64_t>(0, 0));
    REQUIRE(tasks_in(Desk::take(agent)) == 3);
    desk.poll({pool[3]}, 100);  // given to the agent, but its stream does not take it
    desk.block(101, {pool[0], pool[1], pool[3], pool[4]});  // the last one was never seen
    CHECK(coverage() == std::pair<std::uint64_t, std::uint64_t>(2, 4));
    desk.engine->on_block(fake_block(102, {{*pool[5]->hash, kReceiptSuccess, 0}}, desk.clock.wall()));
    CHECK(coverage() == std::pair<std::uint64_t, std::uint64_t>(2, 4));  // an action of the chain itself
    desk.block(103, {pool[2]});
    CHECK(coverage() == std::pair<std::uint64_t, std::uint64_t>(3, 5));
    for (std::uint64_t height = 104; height <= 100 + TaskBook::kCoverageBlocks; ++height)
        desk.block(height, {});
    CHECK(coverage() == std::pair<std::uint64_t, std::uint64_t>(3, 5));
    desk.block(101 + TaskBook::kCoverageBlocks, {});  // the first of these blocks is now outside the window
    CHECK(coverage() == std::pair<std::uint64_t, std::uint64_t>(1, 1));
    CHECK(desk.counter("actions_mined") == 5);
    CHECK(desk.counter("actions_mined_covered") == 3);
}

TEST_CASE("a transaction that left the pool and came back is dropped when it leaves for good") {
    Desk desk;
    const auto pool = actions(2);
    desk.block(100, {});
    desk.poll(pool, 100);
    desk.poll({pool[0]}, 101);
    desk.poll(pool, 102);
    desk.block(250, {});
    CHECK(desk.counter("tasks_known") == 2);
    desk.poll({pool[0]}, 250);
    desk.block(349, {});
    CHECK(desk.counter("tasks_known") == 2);
    desk.block(350, {});
    CHECK(desk.counter("tasks_known") == 1);
    CHECK(desk.counter("tasks_forgotten") == 1);
}

TEST_CASE("a pool list older than the block does not bring a mined transaction back") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(1);
    desk.block(101, pool);
    desk.poll(pool, 101);
    desk.poll(pool, 120);
    CHECK(Desk::take(agent).empty());
    CHECK(desk.counter("tasks_created") == 0);
}

TEST_CASE("a mined transaction that the source still lists is not dispatched again", "[defect-11]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(1);
    desk.poll(pool, 100);
    CHECK(tasks_in(Desk::take(agent)) == 1);
    desk.block(101, pool);
    for (std::uint64_t height = 102; height < 300; ++height) {
        desk.block(height, {});
        desk.poll(pool, height);
        desk.beat("a");
    }
    CHECK(Desk::take(agent).empty());
    CHECK(desk.dispatched() == 1);
}

TEST_CASE("a transaction that left the pool is dispatched no more, and again when it comes back") {
    Desk desk;
    const auto pool = actions(1);
    desk.poll(pool, 100);
    desk.poll({}, 101);
    FakeAgent agent = desk.join("a");
    desk.work();
    CHECK(Desk::take(agent).empty());
    desk.poll(pool, 102);
    CHECK(tasks_in(Desk::take(agent)) == 1);
    CHECK(desk.counter("tasks_created") == 1);
}

TEST_CASE("a transaction that left the pool while it waited for an agent's stream is not handed out") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(2);
    desk.poll(pool, 100);
    desk.poll({pool[1]}, 101);
    const auto batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 1);
    CHECK(batches[0]->tasks[0].tx_raw == pool[1]->raw);
}

TEST_CASE("a full queue drops its oldest tasks and counts them") {
    CoordinatorSettings settings;
    settings.max_queued_batches = 2;  // with 10 tasks each
    Desk desk(settings);
    const auto pool = actions(25);
    desk.poll(pool);
    CHECK(desk.counter("tasks_waiting") == 20);
    CHECK(desk.counter("tasks_dropped_queue_full") == 5);
    FakeAgent agent = desk.join("a");
    desk.poll(pool, 101);
    const auto batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 20);
    CHECK(batches[0]->tasks[0].tx_raw == pool[5]->raw);
    desk.poll(pool, 102);
    CHECK(Desk::take(agent).empty());
}

TEST_CASE("after a restart a task does not go to agents that answered it before") {
    CoordinatorSettings settings;
    settings.task_redundancy = 2;
    Desk desk(settings);
    FakeAgent a = desk.join("a");
    FakeAgent b = desk.join("b");
    const auto pool = actions(2);
    desk.answered_before[pool[0]->raw_id] = {"a", "b"};
    desk.answered_before[pool[1]->raw_id] = {"a"};
    desk.poll(pool);
    CHECK(Desk::take(a).empty());
    const auto batches = Desk::take(b);
    REQUIRE(tasks_in(batches) == 1);
    CHECK(batches[0]->tasks[0].tx_raw == pool[1]->raw);
}

TEST_CASE("after a restart a listed transaction whose nonce is used up is not handed out") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.state.set(address_of_number(5), {.balance_rau = 0, .nonce = 8, .code_hash = {}});
    const auto mined = fake_action({.sender = 5, .nonce = 7});
    const auto next = fake_action({.sender = 5, .nonce = 8});
    desk.poll({mined, next}, 100);
    const auto batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 1);
    CHECK(batches[0]->tasks[0].tx_raw == next->raw);
    CHECK(desk.counter("tasks_mined_before") == 1);
    for (std::uint64_t height = 101; height < 150; ++height) {
        desk.block(height, {});
        desk.poll({mined}, height);
    }
    CHECK(Desk::take(agent).empty());
    // What the pool lists later is for the agents to judge.
    desk.poll({mined, fake_action({.sender = 5, .nonce = 6})}, 150);
    CHECK(tasks_in(Desk::take(agent)) == 1);
}

TEST_CASE("after a restart an agent's answer to a transaction that was mined stays with the payroll") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.state.set(address_of_number(5), {.balance_rau = 0, .nonce = 8, .code_hash = {}});
    const auto mined = fake_action({.sender = 5, .nonce = 7});
    desk.answered_before[mined->raw_id] = {"b"};
    desk.poll({mined}, 100);
    CHECK(Desk::take(agent).empty());
    CHECK(desk.counter("tasks_mined_before") == 0);
    desk.poll({}, 101);
    desk.block(300, {});
    CHECK(desk.engine->take_forgotten() == std::vector<Hash256>{mined->raw_id});
}

TEST_CASE("answered tasks that are dropped are reported to the payroll, once") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(2);
    desk.poll(pool, 100);
    auto result = answer_to(*Desk::take(agent).at(0));
    result.results.pop_back();
    REQUIRE(desk.submit("a", result)->accepted);
    desk.poll({}, 101);
    CHECK(desk.engine->take_forgotten().empty());
    desk.block(201, {});
    CHECK(desk.engine->take_forgotten() == std::vector<Hash256>{pool[0]->raw_id});
    CHECK(desk.engine->take_forgotten().empty());
}

TEST_CASE("for each block the payroll gets the actions that are handed out and unanswered") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(3);
    desk.poll({pool[0], pool[1]}, 100);
    auto result = answer_to(*Desk::take(agent).at(0));
    result.results.pop_back();
    REQUIRE(desk.submit("a", result)->accepted);
    std::vector<Receipt> receipts;
    for (const auto& action : pool)
        receipts.push_back({*action->hash, kReceiptSuccess, 0});
    const auto unanswered = desk.engine->unanswered(fake_block(101, receipts));
    REQUIRE(unanswered.size() == 1);
    CHECK(unanswered[0].action_hash == *pool[1]->hash);
    CHECK(unanswered[0].sender == pool[1]->sender);
}

TEST_CASE("task ids are never 0 and never in use, also when 32 bits overflow") {
    CoordinatorSettings settings;
    settings.task_level = TaskLevel::l1_sig_verify;
    TaskBook book(settings);
    const auto pool = actions(3);
    book.update_pool(pool, 1, [](const PoolAction&) { return AnsweredEarlier{}; });
    std::vector<TaskPtr> tasks;
    for (const auto& [order, task] : book.queue(TaskQueue::fresh))
        tasks.push_back(task);
    REQUIRE(tasks.size() == 3);
    IdSource ids;
    ids.add(0xffffffffULL, 1);
    REQUIRE(book.name(*tasks[0], ids));
    CHECK(tasks[0]->id == 0xffffffffU);
    // The ids wrap around: 0 is skipped, and 2^33-1 would repeat the first task's id.
    ids.add(0x100000000ULL, 2);
    REQUIRE(book.name(*tasks[1], ids));
    CHECK(tasks[1]->id == 1);
    ids.add(0x1ffffffffULL, 1);
    CHECK_FALSE(book.name(*tasks[2], ids));
    ids.add(0x200000002ULL, 1);
    REQUIRE(book.name(*tasks[2], ids));
    CHECK(tasks[2]->id == 2);
}
