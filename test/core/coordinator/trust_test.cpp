// SPDX-License-Identifier: Apache-2.0
// Agents that lose answers, and periods in which that is not their fault.
#include <algorithm>
#include <map>

#include <catch2/catch.hpp>

#include "test/core/coordinator/engine_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

/// Many quick agents under a steady load, in simulated time.
class Load {
  public:
    Load(std::size_t agents, std::chrono::milliseconds poll) : poll_(poll) {
        for (std::size_t i = 0; i < agents; ++i)
            agents_.emplace("agent-" + std::to_string(i), desk.join("agent-" + std::to_string(i)));
    }

    /// One poll with `fresh` new transactions. All agents except `silent` answer their tasks at once.
    void poll(std::size_t fresh, const std::string& silent = {}) {
        for (PoolActionPtr& action : actions(fresh, nonce_))
            pool_.push_back(std::move(action));
        nonce_ += fresh;
        desk.clock.advance(poll_);
        for (const auto& [id, agent] : agents_)
            desk.beat(id);
        desk.engine->tick();
        desk.poll(pool_, ++polls_ / 25 + 100);
        for (auto& [id, agent] : agents_) {
            for (const auto& batch : Desk::take(agent)) {
                given[id] += batch->tasks.size();
                if (id == silent) continue;
                REQUIRE(desk.submit(id, answer_to(*batch))->accepted);
            }
        }
        // The removed ones count as mined.
        if (pool_.size() > 300) pool_.erase(pool_.begin(), pool_.begin() + 100);
    }
    [[nodiscard]] std::size_t given_to_all() const {
        std::size_t sum = 0;
        for (const auto& [id, tasks] : given)
            sum += tasks;
        return sum;
    }

    Desk desk;
    std::map<std::string, std::size_t> given;

  private:
    const std::chrono::milliseconds poll_;
    std::map<std::string, FakeAgent> agents_;
    std::vector<PoolActionPtr> pool_;
    std::uint64_t nonce_ = 0;
    std::uint64_t polls_ = 0;
};

}  // namespace

TEST_CASE("an agent that loses one answer gets at least 80% of its share of the next 1,000 tasks") {
    struct Case {
        std::size_t agents;
        std::size_t per_poll;
        std::chrono::milliseconds poll;
    };
    // 1, 5, 20 and 20 transactions per second.
    for (const Case& each : {Case{5, 1, 1000ms}, Case{5, 1, 200ms}, Case{5, 2, 100ms}, Case{2, 4, 200ms}}) {
        CAPTURE(each.agents, each.per_poll, each.poll.count());
        Load load(each.agents, each.poll);
        while (load.given_to_all() < 100)
            load.poll(each.per_poll);
        const auto before = load.given["agent-0"];
        while (load.given["agent-0"] == before)
            load.poll(each.per_poll, "agent-0");
        load.given.clear();
        while (load.given_to_all() < 1000)
            load.poll(each.per_poll);
        const auto share = static_cast<double>(load.given["agent-0"]) / 1000;
        CHECK(share >= 0.8 / static_cast<double>(each.agents));
        // It is not given much more than its share to make up for the tasks that it missed.
        CHECK(share <= 1.1 / static_cast<double>(each.agents));
        CHECK(load.desk.counter("agents_held_back") == 1);
    }
}

TEST_CASE("an agent that answers nothing gets one batch after 10, 20, 40 s and so on up to 5 minutes") {
    Load load(3, 250ms);
    std::vector<std::chrono::seconds> pauses;
    auto given_before = load.given["agent-0"];
    auto lost_at = load.desk.clock.steady();
    while (pauses.size() < 8) {
        load.poll(1, "agent-0");
        if (load.given["agent-0"] == given_before) continue;
        const std::size_t tasks = load.given["agent-0"] - given_before;
        if (pauses.size() > 1) CHECK(tasks == 1);  // one trial batch with everything that came in this poll
        given_before = load.given["agent-0"];
        pauses.push_back(std::chrono::round<std::chrono::seconds>(load.desk.clock.steady() - lost_at));
        lost_at = load.desk.clock.steady() + 10s;  // plus the time-out
    }
    pauses.erase(pauses.begin());  // removes the first batch
    CHECK(pauses == std::vector<std::chrono::seconds>{10s, 20s, 40s, 80s, 160s, 300s, 300s});
}

TEST_CASE("a new registration or a new stream clears an agent's strikes") {
    Desk desk;
    FakeAgent good = desk.join("good");
    FakeAgent bad = desk.join("bad");
    std::uint64_t nonce = 0;
    // One agent answers its tasks, the other one does not. Returns how many tasks the other one was given.
    const auto give_two = [&] {
        desk.clock.advance(1s);
        desk.beat("good");
        desk.beat("bad");
        desk.poll(actions(2, nonce += 2));
        for (const auto& batch : Desk::take(good))
            REQUIRE(desk.submit("good", answer_to(*batch))->accepted);
        return tasks_in(Desk::take(bad));
    };
    REQUIRE(give_two() == 1);
    desk.pass(10s);
    CHECK(give_two() == 0);
    REQUIRE(desk.engine->register_agent("bad", {"bad", TaskLevel::l2_state_verify, "", "", ""}).accepted);
    CHECK(give_two() == 1);
    desk.pass(10s);
    CHECK(give_two() == 0);
    const FakeAgent before = std::move(bad);
    bad = desk.open("bad");
    CHECK(give_two() == 1);
    CHECK(desk.counter("agents_held_back") == 2);
}

TEST_CASE("when all agents have lost a batch they are tried at once, because there is nobody else") {
    Desk desk;
    FakeAgent a = desk.join("a");
    FakeAgent b = desk.join("b");
    desk.poll(actions(2));
    REQUIRE(tasks_in(Desk::take(a)) == 1);
    REQUIRE(tasks_in(Desk::take(b)) == 1);
    desk.pass(10s);
    CHECK(desk.counter("agents_held_back") == 2);
    desk.beat("a");
    desk.beat("b");
    desk.poll(actions(4));
    CHECK(tasks_in(Desk::take(a)) == 2);
    CHECK(tasks_in(Desk::take(b)) == 2);
}

TEST_CASE("a task that all other agents lost does not wait for an agent that is held back") {
    CoordinatorSettings settings;
    settings.task_attempts = 10;
    Desk desk(settings);
    FakeAgent silent = desk.join("silent");
    FakeAgent first = desk.join("first");
    FakeAgent second = desk.join("second");
    const auto second_passes = [&] {
        desk.clock.advance(1s);
        for (const char* id : {"silent", "first", "second"})
            desk.beat(id);
        desk.engine->tick();
    };
    // Given: an agent that is held back for 80 s, and two agents in good standing.
    std::uint64_t nonce = 0;
    int lost = 0;
    for (int after = 0; after < 11; after += lost == 4 ? 1 : 0) {
        second_passes();
        desk.poll(actions(3, nonce += 3));
        for (const auto& batch : Desk::take(first))
            REQUIRE(desk.submit("first", answer_to(*batch))->accepted);
        for (const auto& batch : Desk::take(second))
            REQUIRE(desk.submit("second", answer_to(*batch))->accepted);
        if (tasks_in(Desk::take(silent)) > 0) ++lost;
    }
    REQUIRE(lost == 4);
    // When: both of these lose one task.
    const auto lonely = actions(1, nonce + 100);
    std::vector<int> given_at;
    for (int now = 0; now < 60 && given_at.size() < 3; ++now) {
        second_passes();
        desk.poll(lonely);
        if (tasks_in(Desk::take(first)) + tasks_in(Desk::take(second)) > 0) given_at.push_back(now);
        CHECK(tasks_in(Desk::take(silent)) == 0);
    }
    // Then: the first of the two that is on trial gets the task again.
    REQUIRE(given_at.size() == 3);
    CHECK(given_at[2] <= 25);
}

TEST_CASE("a batch that the agent's stream never took is neither a strike nor one of the task's tries") {
    CoordinatorSettings settings;
    settings.task_attempts = 1;
    Desk desk(settings);
    FakeAgent agent = desk.join("a");
    desk.poll(actions(1));
    CHECK(agent.sink->ready() == 1);
    desk.pass(10s);
    CHECK(desk.counter("batches_never_taken") == 1);
    CHECK(desk.counter("agents_held_back") == 0);
    // The stream is told once more, and the agent gets nothing new until it takes the batch.
    CHECK(agent.sink->ready() == 2);
    FakeAgent other = desk.join("b");
    desk.beat("a");
    desk.poll(actions(3));
    CHECK(tasks_in(Desk::take(other)) == 3);
    // It takes the batch, and from then on it is treated like the others.
    CHECK_FALSE(agent.stream->take());
    desk.poll(actions(2, 10));
    CHECK(tasks_in(Desk::take(agent)) == 2);
}

TEST_CASE("while the ledger takes no writes nothing goes out, and later the tasks go to any agent") {
    Desk desk;
    FakeAgent a = desk.join("a");
    desk.poll(actions(3));
    desk.engine->set_on_hold(true);
    CHECK_FALSE(a.stream->take());
    desk.poll(actions(6));
    CHECK_FALSE(a.stream->take());
    CHECK(desk.counter("tasks_with_agents") == 0);
    FakeAgent b = desk.join("b");
    desk.engine->set_on_hold(false);
    desk.work();
    CHECK(tasks_in(Desk::take(a)) + tasks_in(Desk::take(b)) == 6);
    CHECK(desk.dispatched() == 6);
}

TEST_CASE("a batch held while the ledger took no writes is no strike, and may go to the same agent again") {
    CoordinatorSettings settings;
    settings.task_attempts = 1;
    Desk desk(settings);
    FakeAgent agent = desk.join("a");
    desk.poll(actions(1));
    const auto batch = agent.stream->take();
    REQUIRE(batch);
    desk.engine->set_on_hold(true);
    const Status disk_full = fail(ErrorCode::resource_exhausted, "cannot write to the ledger", "", "disk full");
    CHECK_FALSE(desk.submit("a", answer_to(*batch), disk_full));
    desk.clock.advance(2s);
    desk.engine->set_on_hold(false);
    desk.beat("a");
    desk.update(actions(1), 100);
    desk.pass(8s);
    CHECK(desk.counter("batches_excused") == 1);
    CHECK(desk.counter("agents_held_back") == 0);
    CHECK(desk.counter("tasks_given_up") == 0);
    const auto again = agent.stream->take();
    REQUIRE(again);
    CHECK(desk.submit("a", answer_to(*again))->accepted);
}

TEST_CASE("no agent is struck or evicted while the coordinator itself was suspended, and answers count") {
    Desk desk;
    FakeAgent a = desk.join("a");
    FakeAgent b = desk.join("b");
    desk.poll(actions(2));
    const auto of_a = a.stream->take();
    REQUIRE(of_a);
    REQUIRE(b.stream->take());
    desk.clock.advance(100s);
    // Data that waited in a socket may be read before or after the time thread runs.
    CHECK(desk.submit("a", answer_to(*of_a))->accepted);
    desk.engine->stalled(100s);
    desk.engine->tick();
    CHECK(desk.counter("agents_evicted") == 0);
    CHECK(desk.counter("batches_timed_out") == 0);
    // The time to answer continues where it stopped. An agent that uses it up gets no strike.
    desk.update(actions(2), 100);
    desk.pass(10s);
    CHECK(desk.counter("batches_excused") == 1);
    CHECK(desk.counter("agents_held_back") == 0);
}
