// SPDX-License-Identifier: Apache-2.0
#include <map>

#include <catch2/catch.hpp>

#include "core/coordinator/engine.hpp"
#include "test/core/coordinator/engine_fixture.hpp"
#include "test/support/task_levels.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("a batch holds up to 10 tasks, and no more than the agent asked for") {
    Desk desk;
    FakeAgent wide = desk.join("wide", kL2, 0);
    desk.prove_quick("wide", wide);
    desk.poll(actions(25));
    std::vector<std::size_t> sizes;
    for (const auto& batch : Desk::take(wide))
        sizes.push_back(batch->tasks.size());
    CHECK(sizes == std::vector<std::size_t>{10, 10, 5});

    Desk other;
    FakeAgent narrow = other.join("narrow", kL2, 3);
    other.prove_quick("narrow", narrow);
    other.poll(actions(7));
    sizes.clear();
    for (const auto& batch : Desk::take(narrow))
        sizes.push_back(batch->tasks.size());
    CHECK(sizes == std::vector<std::size_t>{3, 3, 1});
}

TEST_CASE("an agent has at most 16 waiting batches; further tasks wait in the queue") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.prove_quick("a", agent);
    desk.poll(actions(200));
    const auto batches = Desk::take(agent);
    CHECK(batches.size() == 16);
    CHECK(tasks_in(batches) == 160);
    CHECK(desk.counter("tasks_waiting") == 40);
    REQUIRE(desk.submit("a", answer_to(*batches[0]))->accepted);
    desk.work();
    CHECK(tasks_in(Desk::take(agent)) == 10);
}

TEST_CASE("tasks are spread over the least loaded agents") {
    Desk desk;
    std::vector<FakeAgent> agents;
    for (int i = 0; i < 10; ++i)
        agents.push_back(desk.join("agent-" + std::to_string(i)));
    desk.poll(actions(100));
    for (FakeAgent& agent : agents)
        CHECK(tasks_in(Desk::take(agent)) == 10);
}

TEST_CASE("agents at the task level get tasks first, those below it only when the others are full") {
    CoordinatorSettings settings;
    settings.max_waiting_per_agent = 1;
    Desk desk(settings);
    FakeAgent low = desk.join("low", kL1);
    FakeAgent high = desk.join("high", kL4);
    const auto pool = actions(15);
    desk.poll({pool.begin(), pool.begin() + 8});
    CHECK(Desk::take(low).empty());
    desk.poll(pool);
    const auto upper = Desk::take(high);
    const auto lower = Desk::take(low);
    REQUIRE(tasks_in(upper) == 10);
    REQUIRE(tasks_in(lower) == 5);
    for (const auto& task : upper[0]->tasks)
        CHECK(task.level == kL2);  // agents at L3 and L4 get L2 tasks while there are no higher ones
    for (const auto& task : lower[0]->tasks) {
        CHECK(task.level == kL1);
        CHECK_FALSE(task.sender);
    }
}

TEST_CASE("at task level L3 an L3 agent comes before an L2 agent, even when both get L2 tasks") {
    CoordinatorSettings settings;
    settings.task_level = kL3;
    settings.max_waiting_per_agent = 1;
    Desk desk(settings);
    FakeAgent two = desk.join("two", kL2);
    FakeAgent three = desk.join("three", kL3);
    desk.poll(actions(12));
    CHECK(tasks_in(Desk::take(three)) == 10);
    const auto rest = Desk::take(two);
    REQUIRE(tasks_in(rest) == 2);
    CHECK(rest[0]->tasks[0].level == kL2);
}

TEST_CASE("an agent gets no higher level than it asked for and supports") {
    Desk desk;
    REQUIRE(desk.engine->register_agent("a", {"a", kL4, "", "", ""}).accepted);
    FakeAgent agent = desk.open("a", kL1);
    desk.poll(actions(1));
    CHECK(Desk::take(agent).at(0)->tasks.at(0).level == kL1);

    REQUIRE(desk.engine->register_agent("b", {"b", kL1, "", "", ""}).accepted);
    FakeAgent other = desk.open("b", kL4);
    desk.engine->end_agent("a", {});
    desk.poll(actions(2));
    CHECK(Desk::take(other).at(0)->tasks.at(0).level == kL1);
}

TEST_CASE("a task at L2 carries both accounts in the form that deployed agents read") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    Hash256 code;
    code.bytes.fill(0xab);
    desk.state.set(
        address_of_number(0xf1),
        {.balance_rau = *u256_from_decimal("99999993567813999999997150"), .nonce = 151, .code_hash = {}});
    desk.state.set(address_of_number(0xcc), {.balance_rau = 0, .nonce = 1, .code_hash = code});
    const PoolActionPtr action = fake_action({.sender = 0xf1, .nonce = 151, .receiver = 0xcc});
    const PoolActionPtr creation = fake_action({.sender = 0xf1, .nonce = 152, .receiver = std::nullopt});
    desk.poll({action, creation}, 41);
    const auto batches = Desk::take(agent);
    REQUIRE(tasks_in(batches) == 2);
    const TaskPackage& task = batches[0]->tasks[0];
    CHECK(task.tx_raw == action->raw);
    CHECK(task.block_height == 41);
    REQUIRE(task.sender);
    CHECK(task.sender->address == "0xf1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1");
    CHECK(task.sender->balance == "99999993567813999999997150");
    CHECK(task.sender->nonce == 151);
    CHECK(task.sender->code_hash.empty());
    REQUIRE(task.receiver);
    CHECK(task.receiver->balance == "0");
    CHECK(task.receiver->code_hash == Bytes(32, 0xab));
    CHECK_FALSE(task.evm_tx);
    CHECK_FALSE(batches[0]->tasks[1].receiver);
    CHECK(batches[0]->timestamp == 1767225600000ULL);
}

TEST_CASE("nothing is dispatched before the source's tip is known to be within 30 s of now", "[defect-23]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    const auto pool = actions(1);
    desk.work(true);
    CHECK(Desk::take(agent).empty());

    const auto none = [](const PoolAction&) { return AnsweredEarlier{}; };
    desk.engine->update_pool(pool, ChainTip{100, desk.clock.wall() - 31s, 0}, none);
    desk.work(true);
    CHECK(Desk::take(agent).empty());
    CHECK(desk.state.calls().empty());

    desk.engine->update_pool(pool, ChainTip{101, desk.clock.wall() + 31s, 0}, none);
    desk.work(true);
    CHECK(Desk::take(agent).empty());

    desk.engine->update_pool(pool, ChainTip{102, desk.clock.wall() - 30s, 0}, none);
    desk.work(true);
    CHECK(tasks_in(Desk::take(agent)) == 1);
}

TEST_CASE("dispatch stops when the source falls behind later", "[defect-23]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.poll(actions(1));
    CHECK(tasks_in(Desk::take(agent)) == 1);
    desk.clock.advance(31s);
    desk.beat("a");
    const auto none = [](const PoolAction&) { return AnsweredEarlier{}; };
    desk.engine->update_pool(actions(1, 50), ChainTip{100, desk.clock.wall() - 31s, 0}, none);
    desk.work(true);
    CHECK(Desk::take(agent).empty());
}

TEST_CASE("only agents with a task stream and a heartbeat under 30 s old get tasks") {
    Desk desk;
    REQUIRE(desk.engine->register_agent("streamless", {"streamless", kL2, "", "", ""}).accepted);
    FakeAgent agent = desk.join("a");
    desk.clock.advance(30s);
    desk.poll(actions(2));
    CHECK(Desk::take(agent).empty());
    desk.beat("a");
    desk.work();
    CHECK(tasks_in(Desk::take(agent)) == 2);
}

TEST_CASE("a task goes to as many different agents as the redundancy says") {
    CoordinatorSettings settings;
    settings.task_redundancy = 3;
    Desk desk(settings);
    std::vector<FakeAgent> agents;
    for (const char* id : {"a", "b"})
        agents.push_back(desk.join(id));
    desk.poll(actions(5));
    for (FakeAgent& agent : agents)
        CHECK(tasks_in(Desk::take(agent)) == 5);
    CHECK(desk.counter("tasks_waiting") == 5);  // they wait for a third agent
    for (int i = 0; i < 3; ++i)
        agents.push_back(desk.join("more-" + std::to_string(i)));
    desk.work();
    std::size_t later = 0;
    for (FakeAgent& agent : agents)
        later += tasks_in(Desk::take(agent));
    CHECK(later == 5);
    CHECK(desk.counter("tasks_waiting") == 0);
    CHECK(desk.dispatched() == 15);
}

TEST_CASE("a task without an answer goes to other agents, three times in all, and is then given up",
          "[defect-18]") {
    Desk desk;
    std::vector<std::pair<std::string, FakeAgent>> agents;
    for (const char* id : {"a", "b", "c", "d"})
        agents.emplace_back(id, desk.join(id));
    desk.poll(actions(1));
    std::set<std::string> had;
    for (int round = 1; round <= 5; ++round) {
        std::size_t given = 0;
        for (auto& [id, agent] : agents) {
            const std::size_t got = tasks_in(Desk::take(agent));
            given += got;
            if (got > 0) CHECK(had.insert(id).second);
            desk.beat(id);
        }
        CHECK(given == (round <= 3 ? 1 : 0));
        desk.update(actions(1), 100);
        desk.pass(10s);
    }
    CHECK(had.size() == 3);
    CHECK(desk.counter("tasks_given_up") == 1);
    CHECK(desk.counter("tasks_timed_out") == 3);
    CHECK(desk.counter("tasks_waiting") == 0);
}

TEST_CASE("the time to answer runs from the hand-out, also when the stream never takes the batch",
          "[defect-18]") {
    Desk desk;
    FakeAgent stalled = desk.join("stalled");
    desk.poll(actions(1));
    FakeAgent good = desk.join("good");
    desk.pass(9s);
    CHECK(Desk::take(good).empty());
    desk.pass(1s);
    CHECK(tasks_in(Desk::take(good)) == 1);
    CHECK(Desk::take(stalled).empty());
    desk.pass(9s);
    CHECK(desk.counter("tasks_timed_out") == 1);
    desk.pass(1s);
    CHECK(desk.counter("tasks_timed_out") == 2);
}

TEST_CASE("a task goes back to the agent that failed it when there is no other agent") {
    Desk desk;
    FakeAgent only = desk.join("only");
    desk.poll(actions(1));
    for (int round = 1; round <= 4; ++round) {
        const auto batches = Desk::take(only);
        CHECK(tasks_in(batches) == (round <= 3 ? 1 : 0));
        desk.beat("only");
        desk.update(actions(1), 100);
        desk.pass(10s);
    }
    CHECK(desk.counter("tasks_given_up") == 1);
}

TEST_CASE("agents with equal load take turns, however often each sends heartbeats") {
    Desk desk;
    std::map<std::string, FakeAgent> agents;
    for (const std::string id : {"a", "b", "c"})
        agents.emplace(id, desk.join(id));
    std::map<std::string, std::size_t> given;
    for (std::uint64_t nonce = 0; nonce < 30; ++nonce) {
        desk.poll(actions(1, nonce));
        for (auto& [id, agent] : agents) {
            for (const auto& batch : Desk::take(agent)) {
                given[id] += batch->tasks.size();
                REQUIRE(desk.submit(id, answer_to(*batch))->accepted);
            }
        }
        desk.beat("b");
        desk.beat("c");
    }
    CHECK(given == std::map<std::string, std::size_t>{{"a", 10}, {"b", 10}, {"c", 10}});
}

TEST_CASE("a silent agent does not stay first in the order") {
    Desk desk;
    FakeAgent silent = desk.join("silent");
    desk.poll(actions(1));
    CHECK(tasks_in(Desk::take(silent)) == 1);
    FakeAgent good = desk.join("good");
    desk.update(actions(1), 100);
    desk.pass(10s);
    REQUIRE(tasks_in(Desk::take(good)) == 1);  // it has one task of its own and is still preferred
    desk.beat("silent");
    desk.beat("good");
    desk.poll(actions(4), 101);
    CHECK(tasks_in(Desk::take(good)) == 3);
    CHECK(Desk::take(silent).empty());
}

TEST_CASE("tasks of an agent that was ended or evicted go to other agents", "[defect-18]") {
    Desk desk;
    FakeAgent a = desk.join("a");
    desk.poll(actions(12));
    CHECK(tasks_in(Desk::take(a)) == 12);
    FakeAgent b = desk.join("b");
    const Error reason{ErrorCode::permission_denied, "revoked", "a", "", ""};
    desk.engine->end_agent("a", reason);
    REQUIRE(a.sink->ended());
    CHECK(a.sink->ended()->code == ErrorCode::permission_denied);
    desk.work();
    CHECK(tasks_in(Desk::take(b)) == 12);
    CHECK(desk.engine->agents().size() == 1);
    CHECK_FALSE(a.stream->take());
}

TEST_CASE("an agent without a heartbeat for 60 s is evicted at the next check, and nothing of it is kept",
          "[defect-3]") {
    Desk desk;
    FakeAgent quiet = desk.join("quiet");
    FakeAgent busy = desk.join("busy");
    for (int i = 0; i < 5; ++i) {
        desk.pass(10s);
        desk.beat("busy");
    }
    CHECK(desk.engine->agents().size() == 2);
    CHECK_FALSE(quiet.sink->ended());
    desk.pass(10s);
    desk.beat("busy");
    REQUIRE(quiet.sink->ended());
    CHECK(quiet.sink->ended()->code == ErrorCode::unavailable);
    CHECK(desk.engine->agents().size() == 1);
    CHECK(desk.counter("agents_evicted") == 1);
    CHECK_FALSE(desk.engine->heartbeat("quiet", {}));
}

TEST_CASE("while thousands of agents come and go, the registry holds only those that are connected",
          "[defect-3]") {
    CoordinatorSettings settings;
    settings.max_agents = 50;
    Desk desk(settings);
    for (int i = 0; i < 5000; ++i) {
        const std::string id = "agent-" + std::to_string(i);
        REQUIRE(desk.join(id).stream);
        desk.engine->end_agent(id, {});
    }
    for (int i = 0; i < 50; ++i)
        REQUIRE(desk.join("stays-" + std::to_string(i)).stream);
    const auto refused = desk.engine->register_agent("one more", {"one more", kL2, "", "", ""});
    CHECK_FALSE(refused.accepted);
    CHECK(refused.reason == "at capacity (50 agents)");
    CHECK(desk.engine->agents().size() == 50);
    // An agent that is already registered can register again.
    CHECK(desk.engine->register_agent("stays-1", {"stays-1", kL2, "", "", ""}).accepted);
}

TEST_CASE("limits that change while agents are there count from then on", "[limits]") {
    CoordinatorSettings settings;
    settings.max_agents = 1;
    Desk desk(settings);
    FakeAgent first = desk.join("first");
    CHECK_FALSE(desk.join("second").stream);
    CoordinatorLimits limits = limits_of(settings);
    limits.max_agents = 2;
    limits.task_timeout = std::chrono::milliseconds(500);
    desk.engine->change_limits(limits);
    REQUIRE(desk.join("second").stream);
    CHECK(desk.engine->register_agent("third", {"third", kL2, "", "", ""}).reason == "at capacity (2 agents)");
    // A lower limit ends nobody.
    limits.max_agents = 1;
    desk.engine->change_limits(limits);
    CHECK(desk.engine->agents().size() == 2);
    CHECK_FALSE(desk.join("third").stream);
    // A task that "first" does not answer goes to another agent after the new time.
    desk.engine->end_agent("second", {});
    desk.poll(actions(1));
    REQUIRE(tasks_in(desk.take(first)) == 1);
    limits.max_agents = 2;
    desk.engine->change_limits(limits);
    FakeAgent other = desk.join("other");
    REQUIRE(other.stream);
    desk.pass(std::chrono::milliseconds(600));
    CHECK(tasks_in(desk.take(other)) == 1);
}

TEST_CASE("batch ids never repeat", "[defect-42]") {
    Desk desk;
    FakeAgent agent = desk.join("a", kL2, 1);
    std::set<std::string> ids;
    std::set<std::uint32_t> tasks;
    for (std::uint64_t round = 0; round < 20; ++round) {
        desk.poll(actions(16, round * 16), 100 + round);
        for (const auto& batch : desk.take_and_answer("a", agent)) {
            CHECK(ids.insert(batch->batch_id).second);
            CHECK(tasks.insert(batch->tasks.at(0).task_id).second);
        }
    }
    CHECK(ids.size() == 320);
}

TEST_CASE("without reserved ids nothing is dispatched, and with new ids everything is") {
    auto wake = std::make_shared<Signal>();
    ManualClock clock;
    CoordinatorSettings settings;
    settings.task_level = kL1;
    const auto engine = std::make_shared<Engine>(settings, clock, Log(), wake);
    REQUIRE(engine->register_agent("a", {"a", kL1, "", "", ""}).accepted);
    auto stream = engine->open_stream("a", {"a", kL1, 10}, std::make_shared<FakeSink>());
    REQUIRE(stream);
    engine->add_ids(1, 3);  // enough for one batch and two tasks
    const auto pool = actions(4);
    engine->update_pool(pool, ChainTip{1, clock.wall(), 0},
                        [](const PoolAction&) { return AnsweredEarlier{}; });
    CHECK(engine->dispatch().empty());
    REQUIRE((*stream)->take());
    CHECK(engine->ids_left() == 0);
    engine->add_ids(100, 10);
    CHECK(engine->dispatch().empty());
    const auto rest = (*stream)->take();
    REQUIRE(rest);
    CHECK(rest->tasks.size() == 2);
}
