// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "core/coordinator/prefetcher.hpp"
#include "test/core/coordinator/engine_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {
const Error kUnreachable{ErrorCode::unavailable, "cannot read account", "", "connection refused", ""};
}

TEST_CASE("an address is read once per block, however many tasks need it") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.poll(actions(50));
    CHECK(desk.state.calls().size() == 1);
    CHECK(desk.state.calls()[0].addresses.size() == 2);
    CHECK(desk.state.calls()[0].height == 100);
    desk.poll(actions(100));  // the tip is unchanged
    CHECK(desk.state.calls().size() == 1);
    CHECK(tasks_in(desk.take_and_answer("a", agent)) == 100);
    desk.poll(actions(110), 101);  // a block later the accounts are read again
    CHECK(desk.state.calls().size() == 2);
    CHECK(desk.state.calls()[1].height == 101);
}

TEST_CASE("one read asks for at most 100 addresses", "[defect-17]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    std::vector<PoolActionPtr> pool;
    for (int i = 0; i < 125; ++i) {
        pool.push_back(fake_action(
            {.sender = static_cast<std::uint8_t>(2 * i), .receiver = static_cast<std::uint8_t>(2 * i + 1)}));
    }
    desk.poll(pool);
    const auto calls = desk.state.calls();
    CHECK(calls.size() == 3);
    for (const auto& call : calls)
        CHECK(call.addresses.size() <= kAddressesPerRead);
    CHECK(tasks_in(desk.take_and_answer("a", agent)) == 125);
}

TEST_CASE("an unreachable account costs its own task and no other", "[defect-22]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const PoolActionPtr bad = fake_action({.sender = 9});
    auto pool = actions(5);
    pool.insert(pool.begin(), bad);
    desk.state.fail_address(address_of_number(9), kUnreachable);
    desk.poll(pool);
    CHECK(tasks_in(Desk::take(agent)) == 5);
    CHECK(desk.counter("accounts_failed") == 1);
    desk.work();
    CHECK(desk.state.reads(address_of_number(9)) == 1);  // not before the next poll
    desk.poll(pool);
    CHECK(desk.state.reads(address_of_number(9)) == 2);
    CHECK(Desk::take(agent).empty());
    desk.state.fail_address(address_of_number(9), std::nullopt);
    desk.poll(pool);
    CHECK(tasks_in(Desk::take(agent)) == 1);
}

TEST_CASE("a read that takes too long drops its tasks, and unreachable addresses are then read alone",
          "[defect-22]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const PoolActionPtr bad = fake_action({.sender = 9, .receiver = 8});
    auto pool = actions(5);
    pool.push_back(bad);
    desk.update(pool, 100);
    const auto stuck = desk.engine->dispatch(true);
    REQUIRE(stuck.size() == 1);
    CHECK(stuck[0]->addresses.size() == 4);
    // A transaction that arrives later does not wait for the stuck read.
    pool.push_back(fake_action({.sender = 7, .receiver = 6}));
    desk.poll(pool);
    CHECK(tasks_in(Desk::take(agent)) == 1);
    desk.clock.advance(kReadDeadline);
    desk.engine->tick();
    CHECK(desk.counter("accounts_late") == 6);
    desk.update(pool, 100);
    const auto again = desk.engine->dispatch(true);
    REQUIRE(again.size() == 6);
    for (const auto& read : again)
        CHECK(read->addresses.size() == 2);
    // All reads except the bad one are answered.
    for (const auto& read : again) {
        if (read->addresses[0] == address_of_number(9)) continue;
        desk.engine->reads_done(read, read_accounts(desk.state, *read));
    }
    (void)desk.engine->dispatch();
    CHECK(tasks_in(Desk::take(agent)) == 5);
    // The late answers of the stuck read are accepted and disturb nothing.
    desk.engine->reads_done(stuck[0], read_accounts(desk.state, *stuck[0]));
    desk.work();
    CHECK(Desk::take(agent).empty());
}

TEST_CASE("a read that nobody waits for any more is skipped, and its addresses are read again", "[defect-22]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(3);
    desk.update(pool, 100);
    const auto stuck = desk.engine->dispatch(true);
    REQUIRE(stuck.size() == 1);
    CHECK(desk.engine->wanted(stuck[0]));
    desk.clock.advance(kReadDeadline);
    desk.engine->tick();
    CHECK_FALSE(desk.engine->wanted(stuck[0]));
    // A new task with the same accounts does not wait for the abandoned read.
    desk.poll(actions(4));
    CHECK(tasks_in(Desk::take(agent)) == 4);
}

TEST_CASE("many unreachable accounts do not keep other accounts from being read", "[defect-22]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    std::vector<PoolActionPtr> pool;
    for (std::uint64_t i = 0; i < 250; ++i) {
        pool.push_back(fake_action({.sender = static_cast<std::uint8_t>(i % 50), .nonce = i, .receiver = 200}));
    }
    for (std::uint8_t sender = 0; sender < 50; ++sender)
        desk.state.fail_address(address_of_number(sender), kUnreachable);
    desk.poll(pool);
    desk.poll(pool);
    // Now hundreds of reads of single tasks hang.
    desk.update(pool, 100);
    const auto hanging = desk.engine->dispatch(true);
    CHECK(hanging.size() <= 50);
    for (const auto& read : hanging)
        CHECK(read->alone);
    pool.push_back(fake_action({.sender = 100, .receiver = 101}));
    desk.update(pool, 100);
    std::size_t good = 0;
    for (const auto& read : desk.engine->dispatch(true)) {
        if (read->alone) continue;
        desk.engine->reads_done(read, read_accounts(desk.state, *read));
        ++good;
    }
    CHECK(good == 1);
    (void)desk.engine->dispatch();
    CHECK(tasks_in(Desk::take(agent)) == 1);
}

TEST_CASE("after an outage of the source, accounts that failed together are read together again",
          "[defect-22]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    std::vector<PoolActionPtr> pool;
    for (int i = 0; i < 150; ++i)
        pool.push_back(fake_action({.sender = static_cast<std::uint8_t>(i), .receiver = 200}));
    desk.state.fail_all(kUnreachable);
    desk.poll(pool);
    desk.state.fail_all(std::nullopt);
    desk.poll(pool);
    CHECK(tasks_in(desk.take_and_answer("a", agent)) == 50);
    const std::size_t before = desk.state.calls().size();
    desk.poll(pool);
    CHECK(tasks_in(desk.take_and_answer("a", agent)) == 100);
    CHECK(desk.state.calls().size() <= before + 2);
}

TEST_CASE("accounts that stay unreachable do not delay accounts that failed once", "[defect-22]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    std::vector<PoolActionPtr> pool;
    for (int i = 0; i < 80; ++i)
        pool.push_back(fake_action({.sender = static_cast<std::uint8_t>(i), .receiver = 200}));
    for (std::uint8_t sender = 0; sender < 80; ++sender)
        desk.state.fail_address(address_of_number(sender), kUnreachable);
    desk.poll(pool);
    for (std::uint8_t sender = 60; sender < 80; ++sender)
        desk.state.fail_address(address_of_number(sender), std::nullopt);
    std::size_t got = 0;
    for (int polls = 0; polls < 2; ++polls) {
        desk.poll(pool);
        got += tasks_in(Desk::take(agent));
    }
    CHECK(got == 20);
}

TEST_CASE("accounts are read again when the tip moved during the read") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.state.hold_only(std::set<std::uint64_t>{101});
    desk.poll(actions(3), 100);
    CHECK(Desk::take(agent).empty());
    CHECK(desk.engine->waits_for_poll());
    CHECK(desk.state.calls().size() == 1);  // it does not ask again and again
    desk.poll(actions(3), 101);
    CHECK_FALSE(desk.engine->waits_for_poll());
    const auto batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 3);
    CHECK(batches[0]->tasks[0].block_height == 101);
    CHECK(desk.state.calls().size() == 2);
    CHECK(desk.counter("accounts_failed") == 0);
    CHECK(desk.counter("accounts_out_of_range") == 2);
}

TEST_CASE(
    "when no account was readable at three tips in a row, tasks are sent at L1 until one is readable again") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    SECTION("because the state is at another block") {
        desk.state.hold_only(std::set<std::uint64_t>{500});
    }
    SECTION("because the source does not answer") {
        desk.state.fail_all(kUnreachable);
    }
    desk.poll(actions(3), 100);
    desk.poll(actions(3), 100);
    desk.poll(actions(4), 101);
    desk.poll(actions(4), 101);
    CHECK(Desk::take(agent).empty());
    CHECK_FALSE(desk.engine->accounts_fault());
    desk.poll(actions(5), 102);
    CHECK(desk.engine->accounts_fault());
    const auto low = Desk::take(agent);
    REQUIRE(tasks_in(low) == 5);
    for (const TaskPackage& task : low[0]->tasks) {
        CHECK(task.level == TaskLevel::l1_sig_verify);
        CHECK_FALSE(task.sender);
    }
    REQUIRE(desk.submit("a", answer_to(*low[0]))->accepted);
    CHECK(desk.counter("tasks_lowered_no_accounts") == 5);
    desk.poll(actions(6), 103);
    CHECK(tasks_in(Desk::take(agent)) == 1);
    // The reads of later tasks show that accounts can be read again.
    desk.state.hold_only(std::nullopt);
    desk.state.fail_all(std::nullopt);
    desk.poll(actions(7), 104);
    (void)Desk::take(agent);
    CHECK_FALSE(desk.engine->accounts_fault());
    desk.poll(actions(8), 105);
    const auto high = Desk::take(agent);
    REQUIRE(tasks_in(high) == 1);
    CHECK(high[0]->tasks[0].level == TaskLevel::l2_state_verify);
    CHECK(high[0]->tasks[0].sender);
}

TEST_CASE("without accounts, tasks go to agents of every level, and one account that fails changes nothing") {
    Desk desk;
    FakeAgent high = desk.join("high");
    FakeAgent low = desk.join("low", TaskLevel::l1_sig_verify);
    std::vector<PoolActionPtr> pool{fake_action({.sender = 9})};
    desk.state.fail_address(address_of_number(9), kUnreachable);
    for (std::uint64_t tip = 100; tip < 110; ++tip) {
        pool.push_back(fake_action({.nonce = tip}));
        desk.poll(pool, tip);
    }
    CHECK_FALSE(desk.engine->accounts_fault());
    CHECK(tasks_in(Desk::take(high)) + tasks_in(Desk::take(low)) == 10);
    desk.state.fail_all(kUnreachable);
    for (std::uint64_t tip = 110; tip < 113; ++tip) {
        for (std::uint64_t i = 0; i < 10; ++i)
            pool.push_back(fake_action({.nonce = tip * 100 + i}));
        desk.poll(pool, tip);
    }
    CHECK(tasks_in(Desk::take(high)) > 0);
    CHECK(tasks_in(Desk::take(low)) > 0);
}

TEST_CASE("when the state follows one block behind the tip, accounts are read there") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    std::uint64_t tip = 100;
    const auto next = [&](std::uint64_t behind) {
        desk.state.hold_only(std::set<std::uint64_t>{tip - behind});
        desk.poll(actions(tip - 99), tip);
        ++tip;
        auto batches = Desk::take(agent);
        // An agent that does not answer gets no further batches.
        for (const auto& batch : batches)
            REQUIRE(desk.submit("a", answer_to(*batch))->accepted);
        return batches;
    };
    CHECK(next(1).empty());
    CHECK(next(1).empty());
    // At L1. The first read that succeeds is for a task that has gone out already.
    for (int i = 0; i < 2; ++i) {
        const auto low = next(1);
        REQUIRE_FALSE(low.empty());
        CHECK(low[0]->tasks[0].level == TaskLevel::l1_sig_verify);
    }
    for (int i = 0; i < 3; ++i) {
        const auto batches = next(1);
        REQUIRE(tasks_in(batches) == 1);
        CHECK(batches[0]->tasks[0].level == TaskLevel::l2_state_verify);
        CHECK(batches[0]->tasks[0].block_height == tip - 2);
    }
    CHECK(desk.engine->reads_one_behind());
    CHECK_FALSE(desk.engine->accounts_fault());
    // Now the state has caught up with the tip.
    for (int i = 0; i < 3; ++i)
        (void)next(0);
    const auto batches = next(0);
    REQUIRE(tasks_in(batches) == 1);
    CHECK(batches[0]->tasks[0].block_height == tip - 1);
    CHECK_FALSE(desk.engine->reads_one_behind());
}

TEST_CASE("no account is read while no agent could take the tasks") {
    Desk desk;
    desk.poll(actions(5));
    CHECK(desk.state.calls().empty());
    FakeAgent low = desk.join("low", TaskLevel::l1_sig_verify);
    desk.work();
    CHECK(desk.state.calls().empty());  // L1 needs no accounts
    const auto batches = Desk::take(low);
    REQUIRE(tasks_in(batches) == 5);
    CHECK(batches[0]->tasks[0].level == TaskLevel::l1_sig_verify);
}

TEST_CASE("accounts are read for no more tasks than agents have room for, with a margin of 200") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    std::vector<PoolActionPtr> pool;
    for (std::uint64_t i = 0; i < 2000; ++i)
        pool.push_back(fake_action({.nonce = i}));
    desk.update(pool, 100);
    auto reads = desk.engine->dispatch(true);
    std::size_t waiting = 0;
    for (const auto& read : reads) {
        for (const auto& tasks : read->waiting)
            waiting += tasks.size();
    }
    CHECK(waiting == 400);  // 200 tasks with two accounts each
    for (int i = 0; i < 5; ++i)
        CHECK(desk.engine->dispatch().empty());
}

TEST_CASE("accounts that are more than a block old are read again before the task goes out") {
    CoordinatorSettings settings;
    settings.max_waiting_per_agent = 1;
    Desk desk(settings);
    FakeAgent agent = desk.join("a");
    desk.state.set(address_of_number(1), {.balance_rau = 1, .nonce = 0, .code_hash = {}});
    desk.poll(actions(20), 100);
    auto first = Desk::take(agent);
    REQUIRE(tasks_in(first) == 10);
    CHECK(first[0]->tasks[0].sender->balance == "1");
    desk.state.set(address_of_number(1), {.balance_rau = 2, .nonce = 0, .code_hash = {}});
    desk.poll(actions(20), 102);
    REQUIRE(desk.submit("a", answer_to(*first[0]))->accepted);
    desk.work();
    const auto second = Desk::take(agent);
    REQUIRE(tasks_in(second) == 10);
    CHECK(second[0]->tasks[0].sender->balance == "2");
    CHECK(second[0]->tasks[0].block_height == 102);
}

TEST_CASE("tasks that agents already hold do not change when accounts are read again", "[defect-16]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.state.set(address_of_number(1), {.balance_rau = 1, .nonce = 0, .code_hash = {}});
    desk.poll(actions(1), 100);
    const auto first = agent.stream->take();
    REQUIRE(first);
    const TaskBatch copy = *first;
    desk.state.set(address_of_number(1), {.balance_rau = 2, .nonce = 5, .code_hash = {}});
    desk.poll(actions(2), 101);
    const auto second = agent.stream->take();
    REQUIRE(second);
    CHECK(*first == copy);
    CHECK(second->tasks[0].sender->balance == "2");
}

TEST_CASE("a transfer to the sender itself needs one account") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.state.fail_address(address_of_number(3), kUnreachable);
    const std::vector<PoolActionPtr> pool{fake_action({.sender = 3, .receiver = 3})};
    desk.poll(pool);
    desk.poll(pool);
    desk.state.fail_address(address_of_number(3), std::nullopt);
    desk.poll(pool);
    for (const auto& call : desk.state.calls())
        CHECK(call.addresses.size() == 1);
    const auto batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 1);
    CHECK(batches[0]->tasks[0].sender == batches[0]->tasks[0].receiver);
}

TEST_CASE("when a source answers fewer accounts than asked, the missing ones fail") {
    struct Short final : StateReader {
        std::vector<Result<AccountState>> accounts(std::span<const Address>, std::uint64_t) override {
            return {AccountState{}};
        }
    } reader;
    AccountRead read;
    read.addresses = {address_of_number(1), address_of_number(2)};
    const auto answers = read_accounts(reader, read);
    REQUIRE(answers.size() == 2);
    CHECK(answers[0]);
    CHECK(answers[1].error().code == ErrorCode::bad_data);
}
