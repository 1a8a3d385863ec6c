// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "core/coordinator/engine.hpp"
#include "test/core/coordinator/engine_fixture.hpp"
#include "test/support/task_levels.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

const Status kLedgerDown = fail(ErrorCode::io, "cannot write", "ledger", "disk full");

/// One agent that holds one batch of `count` tasks.
struct Held {
    explicit Held(std::size_t count, const CoordinatorSettings& settings = {}, Log log = {})
        : desk(settings, std::move(log)), agent(desk.join("a")) {
        desk.poll(actions(count));
        batch = agent.stream->take();
    }
    Desk desk;
    FakeAgent agent;
    std::shared_ptr<const TaskBatch> batch;
};

}  // namespace

TEST_CASE("the answer passes on what the agent said about each task") {
    Held held(2);
    BatchResult result = answer_to(*held.batch);
    result.results[1].valid = false;
    result.results[1].reject_reason = "nonce too low";
    held.desk.clock.advance(1s);
    const auto response = held.desk.submit("a", result);
    REQUIRE(response);
    CHECK(response->accepted);
    CHECK(response->reason.empty());
    REQUIRE(held.desk.answers.size() == 2);
    const auto pool = actions(2);
    CHECK(held.desk.answers[0].agent_id == "a");
    CHECK(held.desk.answers[0].raw_id == pool[0]->raw_id);
    CHECK(held.desk.answers[0].action_hash == pool[0]->hash);
    CHECK(held.desk.answers[0].sender == pool[0]->sender);
    CHECK(held.desk.answers[0].valid);
    CHECK_FALSE(held.desk.answers[0].has_reject_reason);
    CHECK_FALSE(held.desk.answers[0].executed);
    CHECK(held.desk.answers[0].latency_us == 100);
    CHECK_FALSE(held.desk.answers[1].valid);
    CHECK(held.desk.answers[1].has_reject_reason);
    CHECK(held.desk.engine->agents().at(0).tasks_processed == 2);
    CHECK(held.desk.engine->agents().at(0).tasks_pending == 0);
}

TEST_CASE("a submission of an agent that is not registered is refused with that reason") {
    Desk desk;
    const auto response = desk.submit("a", {"a", "b1", {{}}, 0});
    REQUIRE(response);
    CHECK_FALSE(response->accepted);
    CHECK(response->reason == "agent not registered");
    CHECK(desk.counter("results_refused_not_registered") == 1);
}

TEST_CASE("a result for a task that the agent never got is refused", "[defect-19]") {
    Held held(3);
    BatchResult result = answer_to(*held.batch);
    result.results.resize(1);
    result.results[0].task_id += 1000;
    const auto unknown = held.desk.submit("a", result);
    CHECK_FALSE(unknown->accepted);
    CHECK(unknown->reason == "no such task in this batch");
    CHECK(held.desk.counter("results_refused_unknown_task") == 1);
    // Batches of other agents, batches that do not exist, and malformed names.
    held.desk.join("b");
    for (const std::string& id : {held.batch->batch_id, std::string("b999"), std::string(""), std::string("b"),
                                  std::string("b01"), std::string("20261122-151636-0"),
                                  std::string(100'000, '9'), std::string("b99999999999999999999999")}) {
        BatchResult other = answer_to(*held.batch);
        other.batch_id = id;
        const auto response = held.desk.submit("b", other);
        REQUIRE(response);
        CHECK_FALSE(response->accepted);
        CHECK(response->reason == "no such batch was given to this agent");
    }
    CHECK(held.desk.answers.empty());
    CHECK(held.desk.counter("results_refused_unknown_batch") == 24);
}

TEST_CASE("results for a batch that its stream has not taken are refused", "[defect-19]") {
    Desk desk;
    FakeAgent a = desk.join("a");
    desk.poll(actions(1));  // the task took number 1, the batch number 2
    for (const char* name : {"b1", "b2", "b3"}) {
        BatchResult guess;
        guess.batch_id = name;
        for (std::uint32_t id = 1; id <= 3; ++id)
            guess.results.emplace_back().task_id = id;
        CHECK_FALSE(desk.submit("a", guess)->accepted);
    }
    CHECK(desk.answers.empty());
    CHECK(Desk::take(a).at(0)->batch_id == "b2");
}

TEST_CASE("a task id that appears a thousand times in a batch counts once", "[defect-36]") {
    Held held(2);
    BatchResult result;
    result.batch_id = held.batch->batch_id;
    result.results.assign(1000, answer_to(*held.batch).results[0]);
    const auto response = held.desk.submit("a", result);
    REQUIRE(response);
    CHECK(response->accepted);
    CHECK(response->reason == "already answered (999 results)");
    CHECK(held.desk.answers.size() == 1);
    CHECK(held.desk.counter("results_refused_repeated") == 999);
    // The answer to the other task can still be submitted.
    CHECK(held.desk.submit("a", answer_to(*held.batch))->accepted);
    CHECK(held.desk.answers.size() == 2);
}

TEST_CASE("a second answer to the same batch is refused", "[defect-36]") {
    Held held(2);
    REQUIRE(held.desk.submit("a", answer_to(*held.batch))->accepted);
    const auto again = held.desk.submit("a", answer_to(*held.batch));
    REQUIRE(again);
    CHECK_FALSE(again->accepted);
    CHECK(again->reason == "already answered");
    CHECK(held.desk.answers.size() == 2);
}

TEST_CASE("results that are being written to the ledger cannot be submitted again", "[defect-36]") {
    Held held(1);
    auto first = held.desk.engine->judge("a", answer_to(*held.batch));
    REQUIRE(first);
    const auto second = held.desk.submit("a", answer_to(*held.batch));
    CHECK_FALSE(second->accepted);
    CHECK(second->reason == "already answered");
    held.desk.engine->recorded(std::get<Submission>(*first), {});
    CHECK(held.desk.engine->agents().at(0).tasks_processed == 1);
}

TEST_CASE("a submission with no results or more than 1,000 is refused", "[defect-20]") {
    Held held(1);
    BatchResult result = answer_to(*held.batch);
    result.results.resize(1001);
    const auto many = held.desk.submit("a", result);
    REQUIRE_FALSE(many);
    CHECK(many.error().code == ErrorCode::invalid_argument);
    result.results.clear();
    const auto none = held.desk.submit("a", result);
    REQUIRE(none);
    CHECK_FALSE(none->accepted);
    CHECK(none->reason == "no results");
    CHECK(held.desk.submit("a", answer_to(*held.batch))->accepted);
}

TEST_CASE("a latency is cut to the time that the agent had the task", "[defect-20]") {
    Held held(2);
    held.desk.clock.advance(1500us);
    BatchResult result = answer_to(*held.batch);
    result.results[0].latency_us = UINT64_MAX;
    result.results[1].latency_us = 7;
    REQUIRE(held.desk.submit("a", result)->accepted);
    CHECK(held.desk.answers[0].latency_us == 1500);
    CHECK(held.desk.answers[1].latency_us == 7);
}

TEST_CASE("results that come after the time to answer are refused") {
    Held held(1);
    held.desk.clock.advance(10s);
    held.desk.engine->tick();
    const auto late = held.desk.submit("a", answer_to(*held.batch));
    CHECK_FALSE(late->accepted);
    CHECK(late->reason == "too late: the task went to another agent");
    CHECK(held.desk.submit("a", answer_to(*held.batch))->reason == "too late: the task went to another agent");
    CHECK(held.desk.counter("results_refused_late") == 2);
    CHECK(held.desk.answers.empty());
}

TEST_CASE("a mixed submission is accepted in part, and the agent keeps the other tasks") {
    Held held(4);
    BatchResult result = answer_to(*held.batch);
    result.results[0].task_id = 4000;
    result.results.pop_back();
    const auto response = held.desk.submit("a", result);
    REQUIRE(response);
    CHECK(response->accepted);
    CHECK(response->reason == "no such task in this batch (1 results)");
    CHECK(held.desk.answers.size() == 2);
    CHECK(held.desk.engine->agents().at(0).tasks_pending == 2);
    CHECK(held.desk.submit("a", answer_to(*held.batch))->accepted);
    CHECK(held.desk.answers.size() == 4);
}

TEST_CASE("a submission that answers a batch never counts against the rate", "[defect-37]") {
    CoordinatorSettings settings;
    settings.max_waiting_per_agent = 1;
    Desk desk(settings);
    FakeAgent agent = desk.join("a", kL2, 1);
    // 1,000 answers at the same instant.
    for (std::size_t i = 0; i < 1000; ++i) {
        desk.poll(actions(1, i));
        const auto batches = Desk::take(agent);
        REQUIRE(batches.size() == 1);
        const auto response = desk.submit("a", answer_to(*batches[0]));
        REQUIRE(response);
        REQUIRE(response->accepted);
    }
    CHECK(desk.counter("submissions_refused_rate") == 0);
}

TEST_CASE("every other submission counts against a rate of 20 at once, then 10 per second", "[defect-37]") {
    Held held(1);
    BatchResult unknown = answer_to(*held.batch);
    unknown.batch_id = "b777777";
    for (int i = 0; i < 20; ++i)
        REQUIRE(held.desk.submit("a", unknown));
    const auto refused = held.desk.submit("a", unknown);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::resource_exhausted);
    // An honest answer is accepted anyway.
    REQUIRE(held.desk.submit("a", answer_to(*held.batch)));
    held.desk.clock.advance(100ms);
    CHECK(held.desk.submit("a", unknown));
    CHECK_FALSE(held.desk.submit("a", unknown));
    CHECK(held.desk.counter("submissions_refused_rate") == 2);
}

TEST_CASE("for a batch answered in pieces one piece is free", "[defect-37]") {
    Held held(10);
    const BatchResult whole = answer_to(*held.batch);
    BatchResult unknown = whole;
    unknown.batch_id = "b777777";
    for (int i = 0; i < 20; ++i)
        REQUIRE(held.desk.submit("a", unknown));
    BatchResult piece = whole;
    piece.results = {whole.results[0]};
    CHECK(held.desk.submit("a", piece));
    piece.results = {whole.results[1]};
    CHECK_FALSE(held.desk.submit("a", piece));
    CHECK(held.desk.answers.size() == 1);
}

TEST_CASE(
    "after a failed write to the ledger the same answer may be submitted again, without cost to the rate") {
    Held held(3);
    for (int i = 0; i < 50; ++i) {
        const auto response = held.desk.submit("a", answer_to(*held.batch), kLedgerDown);
        REQUIRE_FALSE(response);
        REQUIRE(response.error().code == ErrorCode::io);
    }
    CHECK(held.desk.counter("submissions_refused_rate") == 0);
    CHECK(held.desk.engine->agents().at(0).tasks_processed == 0);
    CHECK(held.desk.engine->agents().at(0).tasks_pending == 3);
    REQUIRE(held.desk.submit("a", answer_to(*held.batch))->accepted);
    CHECK(held.desk.answers.size() == 3);
}

TEST_CASE("when the ledger loses an answer whose agent has left, the task goes to another agent") {
    Held held(2);
    FakeAgent other = held.desk.join("b");
    auto judged = held.desk.engine->judge("a", answer_to(*held.batch));
    REQUIRE(judged);
    held.desk.engine->end_agent("a", {});
    held.desk.work();
    CHECK(Desk::take(other).empty());  // the answer is still being recorded
    held.desk.engine->recorded(std::get<Submission>(*judged), kLedgerDown);
    held.desk.work();
    CHECK(tasks_in(Desk::take(other)) == 2);
}

TEST_CASE("when an answer is recorded after its agent has left, it counts and nobody gets the task again") {
    Held held(2);
    FakeAgent other = held.desk.join("b");
    auto judged = held.desk.engine->judge("a", answer_to(*held.batch));
    REQUIRE(judged);
    held.agent.stream.reset();
    held.desk.engine->end_agent("a", {});
    held.desk.engine->recorded(std::get<Submission>(*judged), {});
    held.desk.work();
    CHECK(Desk::take(other).empty());
    CHECK(held.desk.counter("tasks_waiting") == 0);
}

TEST_CASE("an answer that is being written does not time out") {
    Held held(2);
    BatchResult half = answer_to(*held.batch);
    half.results.pop_back();
    auto judged = held.desk.engine->judge("a", half);
    REQUIRE(judged);
    // The time of recording is excused, up to another 10 s.
    held.desk.pass(19s);
    CHECK(held.desk.counter("tasks_timed_out") == 0);
    held.desk.beat("a");
    held.desk.update(actions(2), 101);
    held.desk.pass(1s);
    CHECK(held.desk.counter("tasks_timed_out") == 1);
    held.desk.engine->recorded(std::get<Submission>(*judged), {});
    CHECK(held.desk.engine->agents().at(0).tasks_processed == 1);
    held.desk.work();
    const auto again = Desk::take(held.agent);  // the task that timed out
    REQUIRE(tasks_in(again) == 1);
    CHECK(again[0]->tasks[0].tx_raw == held.batch->tasks[1].tx_raw);
}

TEST_CASE("with redundancy each of several agents is paid once for a task", "[defect-19]") {
    CoordinatorSettings settings;
    settings.task_redundancy = 2;
    Desk desk(settings);
    FakeAgent a = desk.join("a");
    FakeAgent b = desk.join("b");
    desk.poll(actions(4));
    const auto of_a = Desk::take(a);
    const auto of_b = Desk::take(b);
    for (int i = 0; i < 3; ++i) {
        (void)desk.submit("a", answer_to(*of_a.at(0)));
        (void)desk.submit("b", answer_to(*of_b.at(0)));
    }
    CHECK(desk.answers.size() == 8);
}

TEST_CASE("refusals are logged once per agent and hour", "[defect-36]") {
    std::vector<std::string> lines;
    Held held(1, {}, Log(LogLevel::warn, [&](LogLevel, std::string_view line) { lines.emplace_back(line); }));
    BatchResult unknown = answer_to(*held.batch);
    unknown.batch_id = "b777777";
    for (int i = 0; i < 10; ++i)
        (void)held.desk.submit("a", unknown);
    CHECK(lines.size() == 1);
    held.desk.join("b");
    (void)held.desk.submit("b", unknown);
    CHECK(lines.size() == 2);
    for (int i = 0; i < 10; ++i)
        (void)held.desk.submit("stranger-" + std::to_string(i), unknown);
    CHECK(lines.size() == 3);
    held.desk.clock.advance(1h);
    (void)held.desk.submit("a", unknown);
    CHECK(lines.size() == 4);
    CHECK(held.desk.counter("results_refused_unknown_batch") == 12);
}

TEST_CASE("the engine never logs while it holds its lock") {
    // Given a log that hangs until another thread has got an answer from the engine
    const Engine* engine = nullptr;
    std::vector<std::thread> askers;
    std::size_t lines = 0;
    std::size_t answered = 0;
    const auto asked = [&](LogLevel, std::string_view) {
        ++lines;
        std::promise<void> done;
        auto is_done = done.get_future();
        askers.emplace_back([&engine, done = std::move(done)]() mutable {
            (void)engine->agents();
            done.set_value();
        });
        answered += is_done.wait_for(20s) == std::future_status::ready ? 1U : 0U;
    };
    CoordinatorSettings settings;
    Held held(1, settings, Log(LogLevel::info, asked));
    engine = held.desk.engine.get();
    // When results are refused, for a stranger and for an agent, and an agent without a stream is evicted
    (void)held.desk.submit("stranger", answer_to(*held.batch));
    BatchResult unknown = answer_to(*held.batch);
    unknown.batch_id = "b99";
    (void)held.desk.submit("a", unknown);
    held.agent.stream.reset();
    held.desk.clock.advance(settings.eviction_age + settings.eviction_check);
    held.desk.engine->tick();
    // Then each line was logged without the lock.
    for (std::thread& asker : askers)
        asker.join();
    CHECK(lines == 3);
    CHECK(answered == lines);
}

TEST_CASE("an id longer than any agent's is not logged", "[defect-39]") {
    std::vector<std::string> lines;
    Held held(1, {}, Log(LogLevel::warn, [&](LogLevel, std::string_view line) { lines.emplace_back(line); }));
    (void)held.desk.submit(std::string(1'000'000, 'x'), answer_to(*held.batch));
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("results of agent (id of 1000000 bytes) refused: agent not registered") == 0);
}

TEST_CASE("an agent's own load figures are shown as numbers that every format can express", "[defect-30]") {
    Desk desk;
    desk.join("a");
    REQUIRE(desk.engine->heartbeat("a", {"a", 1, 2, std::numeric_limits<double>::quiet_NaN(), -5}));
    const auto view = desk.engine->agents().at(0);
    CHECK(view.cpu_usage == 0);
    CHECK(view.mem_usage == 0);
    REQUIRE(desk.engine->heartbeat("a", {"a", 1, 2, std::numeric_limits<double>::infinity(), 0.5}));
    CHECK(desk.engine->agents().at(0).cpu_usage == 0);
    CHECK(desk.engine->agents().at(0).mem_usage == 0.5);
}
