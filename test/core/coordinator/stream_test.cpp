// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "core/coordinator/engine.hpp"
#include "test/core/coordinator/engine_fixture.hpp"
#include "test/support/task_levels.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("an agent that is not registered gets no stream") {
    Desk desk;
    const auto stream = desk.engine->open_stream("a", {"a", kL2, 10}, std::make_shared<FakeSink>());
    REQUIRE_FALSE(stream);
    CHECK(stream.error().code == ErrorCode::failed_precondition);
}

TEST_CASE("a stream is notified once when batches are waiting, however many they are") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    CHECK(agent.sink->ready() == 0);
    desk.prove_quick("a", agent);
    const int before = agent.sink->ready();
    desk.poll(actions(30));
    CHECK(agent.sink->ready() == before + 1);
    CHECK(Desk::take(agent).size() == 3);
    desk.poll(actions(31), 101);
    CHECK(agent.sink->ready() == before + 2);
}

TEST_CASE("a second stream of an agent replaces the first and takes over its unanswered batches",
          "[defect-38]") {
    Desk desk;
    FakeAgent first = desk.join("a");
    desk.poll(actions(15));
    const auto taken = first.stream->take();  // one batch is taken, one still waits
    REQUIRE(taken);
    FakeAgent second = desk.open("a");
    REQUIRE(first.sink->ended());
    CHECK(first.sink->ended()->code == ErrorCode::aborted);
    CHECK_FALSE(first.stream->take());
    CHECK(second.sink->ready() == 1);
    const auto batches = Desk::take(second);
    REQUIRE(batches.size() == 2);
    CHECK(batches[0]->batch_id == taken->batch_id);
    CHECK(tasks_in(batches) == 15);
    // The end of the old transport comes late and disturbs nothing.
    first.stream->closed();
    first.stream.reset();
    for (const auto& batch : batches)
        CHECK(desk.submit("a", answer_to(*batch))->accepted);
    CHECK(desk.answers.size() == 15);
    CHECK(desk.dispatched() == 15);
    CHECK(second.sink->ends() == 0);
}

TEST_CASE("after a partial answer only the rest of the batch moves to a new stream", "[defect-38]") {
    Desk desk;
    FakeAgent first = desk.join("a");
    desk.poll(actions(5));
    BatchResult part = answer_to(*Desk::take(first).at(0));
    part.results.resize(2);
    REQUIRE(desk.submit("a", part)->accepted);
    FakeAgent second = desk.open("a");
    const auto batches = Desk::take(second);
    REQUIRE(tasks_in(batches) == 3);
    REQUIRE(desk.submit("a", answer_to(*batches[0]))->accepted);
    CHECK(desk.answers.size() == 5);
}

TEST_CASE("an agent that registers again keeps its queue and its open stream") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.poll(actions(15));
    REQUIRE(agent.stream->take());
    REQUIRE(desk.engine->register_agent("a", {"a", kL2, "elsewhere", "2", ""}).accepted);
    CHECK_FALSE(agent.sink->ended());
    CHECK(tasks_in(Desk::take(agent)) == 5);
    const auto views = desk.engine->agents();
    REQUIRE(views.size() == 1);
    CHECK(views[0].region == "elsewhere");
    CHECK(views[0].tasks_pending == 15);
}

TEST_CASE("tasks that an agent held when its stream ended go to other agents", "[defect-18]") {
    Desk desk;
    FakeAgent a = desk.join("a");
    desk.poll(actions(15));
    REQUIRE(a.stream->take());  // 10 tasks are taken, 5 wait
    FakeAgent b = desk.join("b");
    a.stream->closed();
    desk.work();
    CHECK(tasks_in(Desk::take(b)) == 15);
    CHECK(a.sink->ends() == 0);
}

TEST_CASE("an answer sent as the stream dropped still counts if no other agent has the task", "[defect-38]") {
    Desk desk;
    FakeAgent a = desk.join("a");
    desk.poll(actions(3));
    const auto batches = Desk::take(a);
    a.stream.reset();
    desk.work();
    CHECK(desk.counter("tasks_waiting") == 3);
    REQUIRE(desk.submit("a", answer_to(*batches.at(0)))->accepted);
    CHECK(desk.answers.size() == 3);
    CHECK(desk.counter("tasks_waiting") == 0);
}

TEST_CASE("an answer to a task that another agent was given meanwhile does not count, so each task pays once",
          "[defect-19]") {
    Desk desk;
    FakeAgent a = desk.join("a");
    desk.poll(actions(3));
    const auto lost = Desk::take(a);
    FakeAgent b = desk.join("b");
    a.stream.reset();
    desk.work();
    const auto batches = Desk::take(b);
    REQUIRE(tasks_in(batches) == 3);
    CHECK_FALSE(desk.submit("a", answer_to(*lost.at(0)))->accepted);
    CHECK(desk.submit("b", answer_to(*batches.at(0)))->accepted);
    CHECK(desk.answers.size() == 3);
    for (const Answer& answer : desk.answers)
        CHECK(answer.agent_id == "b");
}

TEST_CASE("a single agent that reopens its stream every few seconds loses no task", "[defect-38]") {
    Desk desk;
    REQUIRE(desk.engine->register_agent("a", {"a", kL2, "", "", ""}).accepted);
    std::vector<PoolActionPtr> pool;
    std::size_t given = 0;
    for (std::uint64_t round = 0; round < 100; ++round) {
        desk.beat("a");
        FakeAgent agent = desk.open("a");
        pool = actions((round + 1) * 5);
        desk.poll(pool, 100 + round);
        const auto batches = Desk::take(agent);
        given += tasks_in(batches);
        // In every second round the stream breaks before anything was answered, and is opened again seconds
        // later.
        if (round % 2 == 1) {
            for (const auto& batch : batches)
                REQUIRE(desk.submit("a", answer_to(*batch))->accepted);
        }
        agent.stream.reset();
        desk.pass(3s);
    }
    CHECK(desk.answers.size() == 500);
    CHECK(desk.dispatched() == 500);
    CHECK(given == 750);  // half of them were sent again after a break
    CHECK(desk.counter("tasks_given_up") == 0);
}

TEST_CASE("a new stream with a smaller batch size gets no larger batches of the old stream") {
    Desk desk;
    FakeAgent first = desk.join("a");
    desk.poll(actions(10));
    REQUIRE(first.stream->take());
    FakeAgent second = desk.open("a", kL2, 3);
    desk.work();
    const auto batches = Desk::take(second);
    CHECK(tasks_in(batches) == 10);
    for (const auto& batch : batches)
        CHECK(batch->tasks.size() <= 3);
}

TEST_CASE("an answer to a batch counts although a new stream asked for smaller batches") {
    Desk desk;
    FakeAgent first = desk.join("a");
    desk.poll(actions(10));
    const Batches taken = Desk::take(first);
    REQUIRE(tasks_in(taken) == 10);
    FakeAgent second = desk.open("a", kL2, 1);
    desk.work();
    const auto response = desk.submit("a", answer_to(*taken[0]));
    REQUIRE(response);
    CHECK(response->accepted);
    CHECK(desk.answers.size() == 10);
    desk.work();
    CHECK(tasks_in(Desk::take(second)) == 0);
    CHECK(desk.counter("results_refused_unknown_batch") == 0);
}

TEST_CASE("a batch that a stream takes in parts may be answered in parts") {
    Desk desk;
    FakeAgent first = desk.join("a");
    desk.poll(actions(10));
    const Batches taken = Desk::take(first);
    REQUIRE(taken.size() == 1);
    FakeAgent second = desk.open("a", kL2, 3);
    const Batches parts = Desk::take(second);
    REQUIRE(parts.size() == 4);
    for (const auto& part : parts) {
        CHECK(part->batch_id == taken[0]->batch_id);
        CHECK(desk.submit("a", answer_to(*part))->accepted);
    }
    CHECK(desk.answers.size() == 10);
    CHECK(desk.dispatched() == 10);
}

TEST_CASE("batches that wait when a stream with smaller batches opens are taken in parts") {
    Desk desk;
    FakeAgent first = desk.join("a");
    desk.poll(actions(10));
    FakeAgent second = desk.open("a", kL2, 4);
    const Batches parts = Desk::take(second);
    REQUIRE(parts.size() == 3);
    CHECK(desk.dispatched() == 10);
    for (const auto& part : parts)
        CHECK(desk.submit("a", answer_to(*part))->accepted);
    CHECK(desk.answers.size() == 10);
}

TEST_CASE("an agent that alternates between batch sizes without answering loses its tasks at their deadline") {
    CoordinatorSettings settings;
    settings.task_timeout = 10s;
    settings.task_attempts = 3;
    Desk desk(settings);
    FakeAgent agent = desk.join("a");
    desk.poll(actions(10));
    const auto alternate_for_11_seconds = [&] {
        for (int i = 0; i < 22; ++i) {
            desk.pass(500ms);
            desk.beat("a");
            agent = desk.open("a", kL2, i % 2 == 0 ? 5 : 10);
            desk.work();
            (void)Desk::take(agent);
        }
    };
    (void)Desk::take(agent);
    alternate_for_11_seconds();
    CHECK(desk.counter("tasks_taken_back") == 10);
    CHECK(desk.counter("agents_held_back") == 1);
    alternate_for_11_seconds();
    alternate_for_11_seconds();
    CHECK(desk.counter("tasks_given_up") == 10);
}

TEST_CASE("after stop, streams end with unavailable and no new stream is opened") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.engine->end_streams({ErrorCode::unavailable, "task stream ended", "", "shutting down", ""});
    REQUIRE(agent.sink->ended());
    CHECK(agent.sink->ended()->code == ErrorCode::unavailable);
    CHECK(agent.sink->ends() == 1);
    const auto stream = desk.engine->open_stream("a", {"a", kL2, 10}, std::make_shared<FakeSink>());
    REQUIRE_FALSE(stream);
    CHECK(stream.error().code == ErrorCode::unavailable);
}

TEST_CASE("a stream may be used after the engine's owner is gone") {
    std::unique_ptr<TaskStream> stream;
    ManualClock clock;
    {
        auto engine = std::make_shared<Engine>(CoordinatorSettings{}, clock, Log(), std::make_shared<Signal>());
        REQUIRE(engine->register_agent("a", {"a", kL2, "", "", ""}).accepted);
        stream = *engine->open_stream("a", {"a", kL2, 10}, std::make_shared<FakeSink>());
    }
    CHECK_FALSE(stream->take());
    stream->closed();
}

TEST_CASE("when streams end after close(), agents keep tasks they took, and a drain waits for the answers") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.poll(actions(15));
    const auto batch = agent.stream->take();  // 10 tasks are taken, 5 wait
    REQUIRE(batch);
    REQUIRE(desk.engine->open_tasks() == 15);
    desk.engine->close();
    CHECK(desk.engine->open_tasks() == 10);  // the 5 will not be handed out any more
    CHECK_FALSE(agent.stream->take());
    agent.stream->closed();
    CHECK(desk.engine->open_tasks() == 10);
    CHECK(desk.submit("a", answer_to(*batch))->accepted);
    CHECK(desk.answers.size() == 10);
    CHECK(desk.engine->open_tasks() == 0);
}
