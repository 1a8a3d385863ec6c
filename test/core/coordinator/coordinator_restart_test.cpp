// SPDX-License-Identifier: Apache-2.0
// What a coordinator still knows after a restart.
#include "core/coordinator/coordinator.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "test/core/coordinator/coordinator_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("a transaction mined before a restart is not handed out again while the pool still lists it") {
    House house;
    house.begin_at_100();
    const auto pool = actions(2);
    {
        FakeAgent agent = house.join("a");
        house.poll({pool[0]}, 100);
        const auto batch = agent.stream->take();
        REQUIRE(batch);
        REQUIRE(house.submit("a", answer_to(*batch))->accepted);
        house.block(101, {pool[0]});
        REQUIRE(house.follow());
        house.restart();
    }
    FakeAgent other = house.join("b");
    house.poll(pool, 101);
    const Batches batches = Desk::take(other);
    REQUIRE(tasks_in(batches) == 1);
    CHECK(batches[0]->tasks[0].tx_raw == pool[1]->raw);
}

TEST_CASE("after a restart a transaction in another envelope does not go to the agent that answered it") {
    // Given: an agent answered a transaction, and after a restart the pool lists it under another raw id.
    House house;
    house.begin_at_100();
    const PoolActionPtr action = fake_action({.nonce = 1});
    auto copy = std::make_shared<PoolAction>(*action);
    copy->raw.push_back(1);
    copy->raw_id.bytes[0] ^= 1;
    const PoolActionPtr other_envelope = copy;
    {
        FakeAgent agent = house.join("a");
        house.poll({action}, 100);
        const auto batch = agent.stream->take();
        REQUIRE(batch);
        REQUIRE(house.submit("a", answer_to(*batch))->accepted);
        house.restart();
    }
    FakeAgent agent = house.join("a");
    house.poll({other_envelope}, 100);
    // Then: it is not given to the agent again.
    CHECK(Desk::take(agent).empty());
    // When the transaction is never mined, the answer is forgotten in the end.
    house.poll({}, 101);
    for (std::uint64_t height = 101; height <= 202; ++height) {
        house.block(height, {});
        REQUIRE(house.follow());
        house.poll({}, height);
    }
    CHECK(house.payroll->open_answers().empty());
}

TEST_CASE("accepted answers count after a restart, and nobody gets their tasks again",
          "[defect-1][defect-11]") {
    House house;
    house.begin_at_100();
    const auto pool = actions(5);
    std::set<std::string> batch_ids;
    std::set<std::uint32_t> task_ids;
    {
        FakeAgent agent = house.join("a");
        house.poll({pool[0], pool[1], pool[2]}, 100);
        const auto batch = agent.stream->take();
        REQUIRE(batch);
        batch_ids.insert(batch->batch_id);
        for (const auto& task : batch->tasks)
            task_ids.insert(task.task_id);
        REQUIRE(house.submit("a", answer_to(*batch))->accepted);
        house.restart();  // its stream object stays alive, as a transport's might
    }
    CHECK(house.coordinator->status().tasks_received == 3);
    CHECK(house.coordinator->status().tasks_dispatched == 3);
    FakeAgent agent = house.join("a");
    FakeAgent other = house.join("b");
    house.poll(pool, 101);
    Batches batches = Desk::take(agent);
    for (auto& batch : Desk::take(other))
        batches.push_back(std::move(batch));
    CHECK(tasks_in(batches) == 2);
    for (const auto& batch : batches) {
        CHECK(batch_ids.insert(batch->batch_id).second);
        for (const auto& task : batch->tasks)
            CHECK(task_ids.insert(task.task_id).second);
    }
    // The answers from before the restart are compared when the block comes.
    house.block(101, pool);
    REQUIRE(house.follow());
    CHECK(house.coordinator->shadow().compared == 3);
    CHECK(house.coordinator->shadow().matched == 3);
    CHECK(house.coordinator->status().tasks_dispatched == 5);
}

TEST_CASE("batch and task ids do not repeat over many restarts", "[defect-42]") {
    House house;
    std::set<std::string> batch_ids;
    std::set<std::uint32_t> task_ids;
    for (std::uint64_t run = 0; run < 10; ++run) {
        FakeAgent agent = house.join("a");
        house.poll(actions(3, run * 3), 100 + run);
        const auto batch = agent.stream->take();
        REQUIRE(batch);
        CHECK(batch_ids.insert(batch->batch_id).second);
        for (const auto& task : batch->tasks)
            CHECK(task_ids.insert(task.task_id).second);
        house.restart();
    }
    CHECK(task_ids.size() == 30);
}

TEST_CASE("answers to transactions that left the pool are dropped from the ledger after 100 blocks",
          "[defect-41]") {
    House house;
    house.begin_at_100();
    const auto pool = actions(2);
    {
        FakeAgent agent = house.join("a");
        house.poll(pool, 100);
        REQUIRE(house.submit("a", answer_to(*agent.stream->take()))->accepted);
    }
    SECTION("without a restart") {}
    SECTION("with a restart in between") {
        house.restart();
    }
    house.poll({}, 101);
    for (std::uint64_t height = 101; height <= 200; ++height) {
        house.block(height, {});
        REQUIRE(house.follow());
    }
    house.poll({}, 200);
    CHECK(house.payroll->open_answers().size() == 2);
    for (std::uint64_t height = 201; height <= 202; ++height) {
        house.block(height, {});
        REQUIRE(house.follow());
        house.poll({}, height);
    }
    CHECK(house.payroll->open_answers().empty());
}
