// SPDX-License-Identifier: Apache-2.0
// Batches without tasks, which keep the task stream of an agent open through proxies that end silent streams.
#include <catch2/catch.hpp>

#include "core/coordinator/engine.hpp"
#include "test/core/coordinator/engine_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

CoordinatorSettings with_idle_batches() {
    CoordinatorSettings settings;
    settings.idle_batch = 45s;
    return settings;
}

/// An agent whose stream has been silent for so long that it took a batch without tasks.
struct IdleAgent {
    IdleAgent() : desk(with_idle_batches()), agent(desk.join("a")) {
        desk.pass(45s);
        desk.beat("a");
        batch = agent.stream->take();
        REQUIRE(batch);
    }
    BatchResult empty_answer() const { return answer_to(*batch); }

    Desk desk;
    FakeAgent agent;
    std::shared_ptr<const TaskBatch> batch;
};

}  // namespace

TEST_CASE("a task stream without messages for 45 s gets a batch without tasks, and another 45 s later",
          "[idle]") {
    Desk desk(with_idle_batches());
    FakeAgent agent = desk.join("a");
    desk.pass(44s);
    CHECK(agent.sink->ready() == 0);
    CHECK_FALSE(agent.stream->take());
    desk.pass(1s);
    CHECK(agent.sink->ready() == 1);
    const auto first = agent.stream->take();
    REQUIRE(first);
    CHECK(first->tasks.empty());
    CHECK_FALSE(first->batch_id.empty());
    CHECK(first->timestamp > 0);
    CHECK_FALSE(agent.stream->take());

    desk.beat("a");
    desk.pass(44s);
    CHECK_FALSE(agent.stream->take());
    desk.pass(1s);
    const auto second = agent.stream->take();
    REQUIRE(second);
    CHECK(second->batch_id != first->batch_id);
    CHECK(desk.counter("idle_batches_sent") == 2);
}

TEST_CASE("a stream that carries tasks gets no batch without tasks", "[idle]") {
    Desk desk(with_idle_batches());
    FakeAgent agent = desk.join("a");
    desk.pass(20s);
    desk.beat("a");
    desk.poll(actions(1));
    const auto work = agent.stream->take();
    REQUIRE(work);
    REQUIRE(desk.submit("a", answer_to(*work))->accepted);
    desk.pass(44s);
    CHECK_FALSE(agent.stream->take());
    desk.pass(1s);
    CHECK(agent.stream->take());
}

TEST_CASE("waiting tasks are sent instead of a batch without tasks", "[idle]") {
    Desk desk(with_idle_batches());
    FakeAgent agent = desk.join("a");
    desk.pass(29s);
    desk.beat("a");
    desk.pass(16s);  // the stream has been told of the batch without tasks and has not asked for it yet
    desk.poll(actions(1));
    const auto batch = agent.stream->take();
    REQUIRE(batch);
    CHECK(batch->tasks.size() == 1);
    CHECK_FALSE(agent.stream->take());
}

TEST_CASE("with an interval of 0 no stream gets a batch without tasks", "[idle]") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    for (int i = 0; i < 10; ++i) {
        desk.beat("a");
        desk.pass(20s);
    }
    CHECK(agent.sink->ready() == 0);
    CHECK_FALSE(agent.stream->take());
}

TEST_CASE("a new stream starts a new interval", "[idle]") {
    Desk desk(with_idle_batches());
    FakeAgent first = desk.join("a");
    desk.pass(29s);
    desk.beat("a");
    desk.pass(16s);
    FakeAgent second = desk.open("a");
    CHECK_FALSE(second.stream->take());
    desk.beat("a");
    desk.pass(45s);
    CHECK(second.stream->take());
}

TEST_CASE("idle streams are kept open while the ledger takes no writes", "[idle]") {
    Desk desk(with_idle_batches());
    FakeAgent agent = desk.join("a");
    desk.engine->set_on_hold(true);
    desk.pass(45s);
    CHECK(agent.sink->ready() == 1);
    const auto batch = agent.stream->take();
    REQUIRE(batch);
    CHECK(batch->tasks.empty());
}

TEST_CASE("the public agent's empty answer to a batch without tasks is accepted and counts as nothing",
          "[idle]") {
    IdleAgent idle;
    const auto response = idle.desk.submit("a", idle.empty_answer());
    REQUIRE(response);
    CHECK(response->accepted);
    CHECK(response->reason.empty());
    CHECK(idle.desk.answers.empty());
    CHECK(idle.desk.engine->agents().at(0).tasks_processed == 0);
    CHECK(idle.desk.counter("idle_batches_answered") == 1);
    CHECK(idle.desk.counter("results_accepted") == 0);
    CHECK(idle.desk.counter("results_refused_empty") == 0);
}

TEST_CASE("the answer to a batch without tasks does not count against the agent's rate", "[idle]") {
    IdleAgent idle;
    // Given an agent that has used up its rate
    const BatchResult unknown{"a", "b999", {}, 0};
    while (idle.desk.submit("a", unknown)) {
    }
    CHECK(idle.desk.counter("submissions_refused_rate") == 1);
    const auto response = idle.desk.submit("a", idle.empty_answer());
    REQUIRE(response);
    CHECK(response->accepted);
}

TEST_CASE("only one empty answer to each batch without tasks is accepted", "[idle]") {
    IdleAgent idle;
    REQUIRE(idle.desk.submit("a", idle.empty_answer())->accepted);
    CHECK_FALSE(idle.desk.submit("a", idle.empty_answer())->accepted);
    CHECK(idle.desk.counter("idle_batches_answered") == 1);
}

TEST_CASE("results for a batch without tasks, and empty answers of other agents, are refused", "[idle]") {
    IdleAgent idle;
    const FakeAgent other = idle.desk.join("b");
    CHECK_FALSE(idle.desk.submit("b", idle.empty_answer())->accepted);
    CHECK_FALSE(idle.desk.submit("a", BatchResult{})->accepted);
    BatchResult with_result = idle.empty_answer();
    with_result.results.resize(1);
    CHECK_FALSE(idle.desk.submit("a", with_result)->accepted);
    CHECK(idle.desk.counter("idle_batches_answered") == 0);
}

TEST_CASE("an empty answer to a batch with tasks is refused", "[idle]") {
    IdleAgent idle;
    idle.desk.poll(actions(1));
    const auto work = idle.agent.stream->take();
    REQUIRE(work);
    const auto response = idle.desk.submit("a", BatchResult{"a", work->batch_id, {}, 0});
    REQUIRE(response);
    CHECK_FALSE(response->accepted);
    CHECK(response->reason == "no results");
}
