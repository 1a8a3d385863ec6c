// SPDX-License-Identifier: Apache-2.0
// A coordinator with all its threads, on the machine's clock. Run it under TSan.
#include <thread>

#include <catch2/catch.hpp>

#include "core/coordinator/coordinator.hpp"
#include "test/core/coordinator/coordinator_fixture.hpp"
#include "test/core/coordinator/coordinator_threads_fixture.hpp"
#include "test/core/coordinator/run_fixture.hpp"
#include "test/support/task_levels.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("with all threads running, each transaction is dispatched, answered and compared once") {
    SystemClock clock;
    House house(fast_settings(), &clock);
    house.begin_at_100();
    Tally tally;
    std::vector<std::unique_ptr<HonestAgent>> agents;
    for (int i = 0; i < 8; ++i)
        agents.push_back(std::make_unique<HonestAgent>(house, "agent-" + std::to_string(i), tally));
    house.coordinator->start();
    const auto pool = actions(2000);
    set_pool(house, {pool.begin(), pool.begin() + 1000}, 100);
    tally.wait_for(1000);
    set_pool(house, pool, 100);
    tally.wait_for(2000);
    house.block(101, pool);
    house.blocks.wait_until_asked(102);
    const StatusView status = house.coordinator->status();
    CHECK(status.tasks_dispatched == 2000);
    CHECK(status.tasks_received == 2000);
    CHECK(house.coordinator->shadow().compared == 2000);
    CHECK(house.coordinator->shadow().matched == 2000);
    house.coordinator->stop();
    for (auto& agent : agents) {
        agent->join();
        REQUIRE(agent->ended());
        CHECK(agent->ended()->code == ErrorCode::unavailable);
    }
    CHECK(tally.count() == 2000);
}

TEST_CASE(
    "with all threads running, agents at L3 execute what the coordinator ran before, and all results agree") {
    constexpr std::size_t kCalls = 300;
    SystemClock clock;
    CoordinatorSettings settings = fast_settings();
    settings.task_level = TaskLevel::l3_full_execute;
    FakeRunState run_state;
    run_state.set(address_of_number(1), 1'000'000'000);
    run_state.set(address_of_number(7), 0, 1, kCounterCode);
    run_state.set_slot(address_of_number(7), 0, 5);
    House house(settings, &clock);
    house.fetchers = &run_state;
    house.restart();
    AccountState contract{0, 1, Hash256{}};
    contract.code_hash->bytes[0] = 7;
    house.state.set(address_of_number(7), contract);
    house.state.set(address_of_number(1), {1'000'000'000, 0, {}});
    house.begin_at_100();
    Tally tally;
    std::vector<std::unique_ptr<HonestAgent>> agents;
    for (int i = 0; i < 3; ++i) {
        agents.push_back(std::make_unique<HonestAgent>(house, "agent-" + std::to_string(i), tally,
                                                       TaskLevel::l3_full_execute));
    }
    house.coordinator->start();
    std::vector<PoolActionPtr> pool;
    for (std::size_t i = 0; i < kCalls; ++i)
        pool.push_back(call_of(7, i));
    set_pool(house, pool, 100);
    tally.wait_for(kCalls);
    house.block(101, pool);
    house.blocks.wait_until_asked(102);
    const ShadowTotals shadow = house.coordinator->shadow();
    CHECK(shadow.compared == kCalls);
    CHECK(shadow.matched == kCalls);
    // If this machine is too slow for a run, the task falls back to L2, where no gas is reported.
    const std::uint64_t executed = house.counter("tasks_given_at_l3");
    CHECK(executed > 0);
    CHECK(shadow.evm_gas_matches == executed);
    CHECK(shadow.evm_state_matches == executed);
    CHECK(shadow.evm_gas_mismatches == 0);
    house.coordinator->stop();
    for (auto& agent : agents)
        agent->join();
}

TEST_CASE("a drain waits for answers to tasks that agents hold, and hands out no new tasks") {
    SystemClock clock;
    House house(fast_settings(), &clock);
    house.begin_at_100();
    const auto sink = std::make_shared<WaitingSink>();
    REQUIRE(house.register_agent("a", {"a", kL2, "", "", ""})->accepted);
    const auto stream = house.coordinator->open_task_stream("a", {"a", kL2, 10}, sink);
    REQUIRE(stream);
    house.coordinator->start();
    const auto pool = actions(2);
    set_pool(house, {pool[0]}, 100);
    REQUIRE(sink->wait());
    const auto batch = (*stream)->take();
    REQUIRE(batch);

    std::atomic<bool> drained{false};
    std::jthread drainer([&] {
        house.coordinator->drain(60s);
        drained = true;
    });
    while (house.register_agent("b", {"b", kL2, "", "", ""}))
        std::this_thread::yield();
    set_pool(house, pool, 100);
    const std::uint64_t before = house.pool.polls();
    while (house.pool.polls() < before + 3)
        std::this_thread::yield();
    CHECK_FALSE(drained);
    CHECK_FALSE((*stream)->take());
    Tally tally;
    house.coordinator->submit("a", answer_to(*batch), [&](const Result<SubmitResponse>& answer) {
        if (answer && answer->accepted) tally.add(1);
    });
    drainer.join();
    tally.wait_for(1);
    CHECK(house.coordinator->status().tasks_received == 1);
    CHECK_FALSE(sink->ended());
    house.coordinator->stop();
}

TEST_CASE("a drain ends at its time limit when an agent does not answer") {
    SystemClock clock;
    House house(fast_settings(), &clock);
    house.begin_at_100();
    const auto sink = std::make_shared<WaitingSink>();
    REQUIRE(house.register_agent("a", {"a", kL2, "", "", ""})->accepted);
    const auto stream = house.coordinator->open_task_stream("a", {"a", kL2, 10}, sink);
    REQUIRE(stream);
    house.coordinator->start();
    set_pool(house, actions(1), 100);
    REQUIRE(sink->wait());
    REQUIRE((*stream)->take());
    house.coordinator->drain(1ms);
    CHECK(house.counter("tasks_with_agents") == 1);
    house.coordinator->stop();
    REQUIRE(sink->ended());
    CHECK(sink->ended()->code == ErrorCode::unavailable);
}

TEST_CASE("agents that join and leave thousands of times lose no task, and none is paid twice", "[defect-31]") {
    SystemClock clock;
    CoordinatorSettings settings = fast_settings();
    settings.task_attempts = 100'000;  // an agent that leaves uses up a try, and here agents leave all the time
    settings.task_level = TaskLevel::l1_sig_verify;
    House house(settings, &clock);
    house.begin_at_100();
    Tally tally;
    constexpr std::size_t kTasks = 3000;
    const auto pool = actions(kTasks);
    house.coordinator->start();

    std::vector<std::jthread> churn;
    for (unsigned t = 0; t < 4; ++t) {
        churn.emplace_back([&, t] {
            std::minstd_rand random(t + 1);
            for (int i = 0; i < 750; ++i) {
                const std::string id = "churn-" + std::to_string(t) + "-" + std::to_string(i % 3);
                const auto registered = house.register_agent(id, {id, kL2, "", "", ""});
                if (!registered || !registered->accepted) continue;
                auto sink = std::make_shared<WaitingSink>();
                auto stream = house.coordinator->open_task_stream(id, {id, kL2, 10}, sink);
                if (!stream) continue;
                (void)house.coordinator->heartbeat(id, {});
                if (random() % 4 == 0) sink = std::make_shared<WaitingSink>();
                while (const auto batch = (*stream)->take()) {
                    if (random() % 2 == 0) continue;
                    house.coordinator->submit(id, answer_to(*batch),
                                              [&tally](const Result<SubmitResponse>&) { tally.add(0); });
                }
                switch (random() % 3) {
                    case 0:
                        house.coordinator->end_agent(id, {ErrorCode::permission_denied, "revoked", id, "", ""});
                        break;
                    case 1:
                        (*stream)->closed();
                        break;
                    default:
                        break;  // the next stream replaces it, or it is destroyed
                }
            }
        });
    }
    std::jthread feed([&] {
        for (std::size_t i = 0; i < 100; ++i) {
            const auto count = static_cast<std::ptrdiff_t>((i + 1) * kTasks / 100);
            set_pool(house, {pool.begin(), pool.begin() + count}, 100 + i);
            house.block(101 + i, {});
            (void)house.coordinator->status();
            (void)house.coordinator->agents();
            std::this_thread::yield();
        }
        set_pool(house, pool, 200);
    });
    for (auto& thread : churn)
        thread.join();
    feed.join();
    for (int t = 0; t < 4; ++t) {
        for (int i = 0; i < 3; ++i) {
            house.coordinator->end_agent("churn-" + std::to_string(t) + "-" + std::to_string(i), {});
        }
    }
    Tally honest;
    HonestAgent last(house, "honest", honest);
    while (house.coordinator->status().tasks_received < kTasks)
        std::this_thread::yield();
    // Exactly once each: the block finds one answer for every transaction.
    house.block(201, pool);
    house.blocks.wait_until_asked(202);
    CHECK(house.coordinator->status().tasks_received == kTasks);
    CHECK(house.coordinator->shadow().compared == kTasks);
    CHECK(house.coordinator->agents().size() == 1);
    CHECK(house.counter("tasks_given_up") == 0);
    house.coordinator->stop();
    last.join();
}
