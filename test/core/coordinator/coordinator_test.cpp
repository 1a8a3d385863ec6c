// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/coordinator.hpp"

#include <catch2/catch.hpp>

#include "test/core/coordinator/coordinator_fixture.hpp"
#include "test/support/task_levels.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("a valid Register is accepted, and its answer has the heartbeat interval") {
    House house;
    const auto response = house.register_agent(
        "agent-01", {"agent-01", kL2, "us-west", "1.0", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"});
    REQUIRE(response);
    CHECK(*response == RegisterResponse{true, "", 10});
}

TEST_CASE("an invalid Register is refused with the reason, and nothing of it is kept", "[defect-39]") {
    House house;
    const auto refused = [&](const std::string& id, const RegisterRequest& request) {
        const auto response = house.register_agent(id, request);
        REQUIRE(response);
        CHECK_FALSE(response->accepted);
        return response->reason;
    };
    CHECK(refused("", {}) == "agent_id is required");
    CHECK(refused("a b", {}).find("agent_id: ") == 0);
    CHECK(refused("a", {"a", kL2, std::string(9 << 20, 'x'), "", ""}) == "region: longer than 64 characters");
    CHECK(refused("a", {"a", static_cast<TaskLevel>(99), "", "", ""}) == "capability: not a level from 0 to 3");
    CHECK(house.coordinator->agents().empty());
}

TEST_CASE("an agent with an invalid wallet works unpaid, and its answer has the reason", "[coordinator]") {
    House house;
    const auto response = house.register_agent("a", {"a", kL2, "", "", "my wallet"});
    REQUIRE(response);
    CHECK(response->accepted);
    CHECK(response->heartbeat_interval_sec > 0);
    CHECK(response->reason.find("wallet_address: ") == 0);
    CHECK(response->reason.find("the work is unpaid") != std::string::npos);
    REQUIRE(house.coordinator->agents().size() == 1);
    CHECK(house.coordinator->agents().front().wallet_fault.find("wallet_address: ") == 0);
    const auto row = house.ledger->agent("a");
    REQUIRE(row);
    CHECK((!row->has_value() || !(*row)->wallet));
}

TEST_CASE("given a reward contract, when an agent names it as its wallet, then the answer and the API say why",
          "[coordinator]") {
    CoordinatorSettings settings;
    settings.rewards.contract = Address{};
    settings.rewards.contract->bytes.fill(0xc0);
    House house(settings);
    const auto response = house.register_agent("a", {"a", kL2, "", "", "0x" + std::string(40, 'c')});
    REQUIRE(response);
    CHECK(response->reason.empty());
    std::string contract = "0x";
    for (int i = 0; i < 20; ++i)
        contract += "c0";
    const auto named = house.register_agent("b", {"b", kL2, "", "", contract});
    REQUIRE(named);
    CHECK(named->accepted);
    CHECK(named->reason.find("it is the reward contract itself, which cannot be paid; it is not used") !=
          std::string::npos);
    const auto row = house.ledger->agent("b");
    REQUIRE(row);
    CHECK((!row->has_value() || !(*row)->wallet));
    for (const auto& view : house.coordinator->agents())
        CHECK(view.wallet_fault.empty() == (view.id == "a"));
}

TEST_CASE("a full registry refuses an agent and does not store its wallet", "[defect-3]") {
    CoordinatorSettings settings;
    settings.max_agents = 1;
    House house(settings);
    house.join("first");
    const auto response =
        house.register_agent("second", {"second", kL2, "", "", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"});
    REQUIRE(response);
    CHECK(response->reason == "at capacity (1 agents)");
    const auto row = house.ledger->agent("second");
    REQUIRE(row);
    CHECK_FALSE(row->has_value());
}

TEST_CASE("an unknown agent's heartbeat is answered with shutdown, a known one's with continue") {
    House house;
    CHECK(*house.coordinator->heartbeat("nobody", {}) == HeartbeatResponse{false, "shutdown", std::nullopt});
    house.join("a");
    CHECK(*house.coordinator->heartbeat("a", {}) == HeartbeatResponse{true, "continue", std::nullopt});
}

TEST_CASE("an agent that registers again within a second is refused with the time to wait") {
    House house;
    house.join("a");
    const auto again = house.register_agent("a", {"a", kL2, "", "", ""});
    REQUIRE_FALSE(again);
    CHECK(again.error().code == ErrorCode::resource_exhausted);
    CHECK(again.error().why == "an agent may register once per 1 s; try again in 1 s");
    CHECK(house.coordinator->agents().size() == 1);  // the agent keeps its place
    CHECK(house.register_agent("b", {"b", kL2, "", "", ""})->accepted);
    house.manual.advance(1s);
    CHECK(house.register_agent("a", {"a", kL2, "", "", ""})->accepted);
    CHECK(house.counter("registers_too_soon") == 1);
}

TEST_CASE("an agent that changes its wallet twice within a minute is registered without the second change") {
    House house;
    const auto name = [&](char digit) {
        house.manual.advance(1s);
        const auto response = house.register_agent("a", {"a", kL2, "", "", "0x" + std::string(40, digit)});
        REQUIRE(response);
        CHECK(response->accepted);
        CHECK(response->heartbeat_interval_sec == 10);
        return response->reason;
    };
    CHECK(name('1').empty());
    CHECK(name('2').empty());
    CHECK(name('3') ==
          "the wallet stays as it was: an agent may change it once per 60 s; register with it again in 59 s");
    CHECK(to_hex((*house.ledger->agent("a"))->next_wallet->view()) == std::string(40, '2'));
}

TEST_CASE("while the ledger waits for the disk, heartbeats and registrations without news are answered") {
    House house;
    house.join("a");
    house.manual.advance(1s);
    std::promise<void> held;
    std::promise<void> release;
    REQUIRE(house.ledger->submit({[&](LedgerTx&) -> Status {
                                      held.set_value();
                                      release.get_future().wait();
                                      return {};
                                  },
                                  {},
                                  true}));
    held.get_future().wait();
    std::promise<Result<RegisterResponse>> named;
    house.coordinator->register_agent("b", {"b", kL2, "", "", "0x" + std::string(40, '1')},
                                      [&](Result<RegisterResponse> r) { named.set_value(std::move(r)); });
    for (int i = 0; i < 100; ++i)
        CHECK(house.coordinator->heartbeat("a", {})->alive);
    CHECK(house.register_agent("a", {"a", kL2, "", "", ""})->accepted);
    // A wallet is on disk before its agent gets the response.
    auto answer = named.get_future();
    CHECK(answer.wait_for(0s) == std::future_status::timeout);
    CHECK(house.coordinator->agents().size() == 1);
    release.set_value();
    CHECK(answer.get()->accepted);
}

TEST_CASE("the next heartbeat after an epoch returns the payout, once") {
    CoordinatorSettings settings;
    settings.rewards.epoch_reward_rau = iotx_to_rau(*parse_decimal("0.5"));
    settings.rewards.epoch_blocks = 1;
    settings.rewards.min_epoch_duration = 0s;
    settings.rewards.min_tasks_for_reward = 1;
    House house(settings);
    house.begin_at_100();
    FakeAgent agent = house.join("a");
    const auto pool = actions(1);
    house.poll(pool, 100);
    REQUIRE(house.submit("a", answer_to(*agent.stream->take()))->accepted);
    CHECK_FALSE(house.coordinator->heartbeat("a", {})->payout);
    house.block(101, pool);
    REQUIRE(house.follow());
    const auto told = house.coordinator->heartbeat("a", {})->payout;
    REQUIRE(told);
    CHECK(told->amount_iotx == 0.45);
    CHECK_FALSE(house.coordinator->heartbeat("a", {})->payout);
}

TEST_CASE("results that come late are compared for 32 blocks after the block", "[defect-13]") {
    House house;
    house.begin_at_100();
    FakeAgent agent = house.join("a");
    const auto pool = actions(1);
    house.poll(pool, 100);
    const auto batch = agent.stream->take();
    house.block(101, pool);
    REQUIRE(house.follow());
    for (std::uint64_t height = 102; height < 120; ++height) {
        house.block(height, {});
        REQUIRE(house.follow());
    }
    CHECK(house.coordinator->shadow().compared == 0);
    REQUIRE(house.submit("a", answer_to(*batch))->accepted);
    CHECK(house.coordinator->shadow().compared == 1);
    CHECK(house.coordinator->shadow().matched == 1);
}

TEST_CASE("an agent whose last connection closed is not live until it calls again") {
    House house;
    FakeAgent a = house.join("a");
    FakeAgent b = house.join("b");
    CHECK(house.coordinator->status().agents_live == 2);
    house.coordinator->agent_gone("a");
    house.coordinator->agent_gone("stranger");
    CHECK(house.coordinator->status().agents_live == 1);
    CHECK(house.coordinator->status().agents_total == 2);
    for (const AgentView& agent : house.coordinator->agents())
        CHECK(agent.is_gone == (agent.id == "a"));
    // A heartbeat makes it live again, and so does a registration.
    REQUIRE(house.coordinator->heartbeat("a", {"a", 0, 0, 0, 0}));
    CHECK(house.coordinator->status().agents_live == 2);
    house.coordinator->agent_gone("a");
    house.manual.advance(20s);  // an agent may not register again at once
    a = house.join("a");
    CHECK(house.coordinator->status().agents_live == 2);
    house.close();
}

TEST_CASE("the views show agents, tasks, the height and the work of the epoch") {
    House house;
    FakeAgent a = house.join("a");
    FakeAgent b = house.join("b", TaskLevel::l1_sig_verify);
    house.poll(actions(4), 100);
    REQUIRE(house.submit("a", answer_to(*a.stream->take()))->accepted);
    REQUIRE(house.coordinator->heartbeat("a", {"a", 4, 0, 12.5, 0.25}));
    const StatusView status = house.coordinator->status();
    CHECK(status.agents_total == 2);
    CHECK(status.agents_live == 2);
    CHECK(status.live_by_level == std::map<std::string, std::uint32_t>{{"L1", 1}, {"L2", 1}});
    CHECK(status.live_by_region == std::map<std::string, std::uint32_t>{{"here", 2}});
    CHECK(status.tasks_dispatched == 4);
    CHECK(status.tasks_received == 4);
    CHECK(status.height == 100);
    CHECK(status.source_age == 0s);
    CHECK(house.counter("results_accepted") == 4);
    CHECK(house.counter("polls") == 1);
    CHECK(EngineCounters(house.settings.metrics).task_round_trip.count() == 1);  // one batch
    CHECK(ReadWorkerCounters(house.settings.metrics).read_time.count() > 0);
    const auto agents = house.coordinator->agents();
    REQUIRE(agents.size() == 2);
    CHECK(agents[0].id == "a");
    CHECK(agents[0].tasks_processed == 4);
    CHECK(agents[0].cpu_usage == 12.5);
    CHECK(agents[0].mem_usage == 0.25);
    CHECK(agents[1].id == "b");
    house.manual.advance(61s);
    CHECK(house.coordinator->status().agents_live == 0);
    CHECK(house.coordinator->status().agents_total == 2);
    CHECK(house.coordinator->leaderboard().size() == 1);
    CHECK(house.coordinator->epoch().total_tasks == 4);
    CHECK(house.coordinator->rewards("a"));
}

TEST_CASE("after stop no agent can register, streams have ended, and answers still count", "[defect-25]") {
    House house;
    FakeAgent agent = house.join("a");
    house.poll(actions(1), 100);
    const auto batch = agent.stream->take();
    house.coordinator->stop();
    REQUIRE(agent.sink->ended());
    CHECK(agent.sink->ended()->code == ErrorCode::unavailable);
    const auto late = house.register_agent("b", {});
    REQUIRE_FALSE(late);
    CHECK(late.error().code == ErrorCode::unavailable);
    CHECK(house.submit("a", answer_to(*batch))->accepted);
    CHECK(house.coordinator->status().tasks_received == 1);
}
