// SPDX-License-Identifier: Apache-2.0
// How many batches an agent may hold, and agents that work on one batch at a time beside a slow ledger.
#include "core/coordinator/answer_pace.hpp"

#include <catch2/catch.hpp>
#include <deque>

#include "test/core/coordinator/engine_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t kMaxBatches = 16;

std::uint32_t batches_of(const AnswerPace& pace, std::uint32_t batch_size = 10) {
    return pace.max_batches(batch_size, 10s, kMaxBatches);
}

/// The ledger's thread: one commit after the other. A commit takes the answers that came before it began.
class SlowLedger {
  public:
    SlowLedger(Desk& desk, std::chrono::nanoseconds commit) : desk_(desk), commit_(commit) {}

    void add(Submission submission, bool* done) { waiting_.push_back({std::move(submission), done}); }
    void run() {
        const Clock::Steady now = desk_.clock.steady();
        if (!committing_.empty() && now < until_) return;
        for (Entry& entry : committing_) {
            desk_.engine->recorded(entry.submission, {});
            *entry.done = true;
        }
        committing_ = std::exchange(waiting_, {});
        until_ = now + commit_;
    }

  private:
    struct Entry {
        Submission submission;
        bool* done = nullptr;
    };
    Desk& desk_;
    std::chrono::nanoseconds commit_;
    std::vector<Entry> waiting_;
    std::vector<Entry> committing_;
    Clock::Steady until_{};
};

/// An agent like the deployed ones: it receives a batch, works on it, submits, waits for the response, and only
/// then looks at the next batch.
struct SerialAgent {
    std::string id;
    std::chrono::nanoseconds work{};
    FakeAgent link;
    std::deque<std::shared_ptr<const TaskBatch>> received;
    std::shared_ptr<const TaskBatch> at_work;
    Clock::Steady done_at{};
    bool waits = false;
    bool response = false;
    std::size_t accepted = 0;
    std::size_t refused = 0;

    void step(Desk& desk, SlowLedger& ledger) {
        while (auto batch = link.stream->take())
            received.push_back(std::move(batch));
        const Clock::Steady now = desk.clock.steady();
        if (waits && response) {
            accepted += at_work->tasks.size();
            waits = false;
            at_work.reset();
        }
        if (waits) return;
        if (!at_work) {
            if (received.empty()) return;
            at_work = received.front();
            received.pop_front();
            done_at = now + work;
        }
        if (now < done_at) return;
        auto judged = desk.engine->judge(id, answer_to(*at_work));
        auto* submission = judged ? std::get_if<Submission>(&*judged) : nullptr;
        if (submission == nullptr) {
            refused += at_work->tasks.size();
            at_work.reset();
            return;
        }
        waits = true;
        response = false;
        ledger.add(std::move(*submission), &response);
    }
};

struct Outcome {
    std::size_t offered = 0;
    std::size_t accepted = 0;
    std::size_t refused = 0;
    std::uint64_t strikes = 0;
    std::uint64_t timed_out = 0;
};

/// `tps` new transactions per second for a minute, then 20 s without any.
Outcome minute_with(std::size_t agents, std::size_t tps, std::chrono::milliseconds work,
                    std::chrono::milliseconds commit) {
    constexpr auto kStep = 50ms;
    CoordinatorSettings settings;
    settings.task_level = TaskLevel::l1_sig_verify;
    Desk desk(settings);
    SlowLedger ledger(desk, commit);
    std::vector<SerialAgent> all(agents);
    for (std::size_t i = 0; i < agents; ++i) {
        all[i].id = "a" + std::to_string(i);
        all[i].work = work;
        all[i].link = desk.join(all[i].id);
    }
    Outcome out;
    std::vector<PoolActionPtr> pool;
    for (auto passed = 0ms; passed < 80s; passed += kStep) {
        const auto offering =
            static_cast<std::size_t>(std::min<std::chrono::milliseconds>(passed, 60s).count());
        const std::size_t due = offering * tps / 1000;
        if (due > out.offered || passed % 1s == 0ms) {
            for (PoolActionPtr& action : actions(due - out.offered, out.offered))
                pool.push_back(std::move(action));
            out.offered = due;
            desk.update(pool, 100);
        }
        for (SerialAgent& agent : all) {
            if (passed % 10s == 0ms) desk.beat(agent.id);
            agent.step(desk, ledger);
        }
        ledger.run();
        desk.pass(kStep);
    }
    for (const SerialAgent& agent : all) {
        out.accepted += agent.accepted;
        out.refused += agent.refused;
    }
    out.strikes = desk.counter("agents_held_back");
    out.timed_out = desk.counter("tasks_timed_out");
    return out;
}

}  // namespace

TEST_CASE("an agent may hold the batches that it answers in about two seconds") {
    const Clock::Steady start{1h};
    AnswerPace quick;
    AnswerPace slow;
    AnswerPace very_slow;
    CHECK(batches_of(quick) == 4);  // nothing is known of it before its first answer
    for (int i = 1; i <= 10; ++i) {
        quick.add(start, start + i * 10ms, 10);
        slow.add(start, start + i * 500ms, 10);
        very_slow.add(start, start + i * 3s, 10);
    }
    CHECK(batches_of(quick) == 16);
    CHECK(batches_of(slow) == 4);
    CHECK(batches_of(very_slow) == 1);
}

TEST_CASE("the pace is that of full batches, also when the batches so far had one task") {
    const Clock::Steady start{1h};
    AnswerPace pace;
    for (int i = 1; i <= 10; ++i)
        pace.add(start, start + i * 100ms, 1);
    CHECK(batches_of(pace, 10) == 2);
    CHECK(batches_of(pace, 1) == 16);
}

TEST_CASE("an agent that answers its batches together is quick, however long each of them takes") {
    AnswerPace pace;
    Clock::Steady now{1h};
    for (int round = 0; round < 4; ++round) {
        const std::uint32_t held = batches_of(pace);
        const Clock::Steady taken = now;
        now += 500ms;
        for (std::uint32_t i = 0; i < held; ++i)
            pace.add(taken, now, 10);
    }
    CHECK(batches_of(pace) == 16);
}

TEST_CASE("time without work does not make an agent slow") {
    const Clock::Steady start{1h};
    AnswerPace pace;
    pace.add(start, start + 10ms, 10);
    pace.add(start + 1h, start + 1h + 10ms, 10);
    CHECK(batches_of(pace) == 16);
}

TEST_CASE("serial agents beside a slow ledger lose no answer and get no strike") {
    struct Case {
        std::chrono::milliseconds commit;
        std::size_t tps;
    };
    for (const Case& each : {Case{300ms, 20}, Case{500ms, 20}, Case{700ms, 10}}) {
        CAPTURE(each.commit.count());
        // When two serial agents get 10 or 20 transactions per second, and each commit takes this long
        const Outcome out = minute_with(2, each.tps, 0ms, each.commit);
        // Then every answer counts.
        CHECK(out.refused == 0);
        CHECK(out.strikes == 0);
        CHECK(out.timed_out == 0);
        CHECK(out.accepted == out.offered);
    }
}

TEST_CASE("serial agents with a long way or slow work lose no answer and get no strike") {
    for (const auto work : {400ms, 700ms, 900ms}) {
        CAPTURE(work.count());
        const Outcome out = minute_with(2, 10, work, 5ms);
        CHECK(out.refused == 0);
        CHECK(out.strikes == 0);
        CHECK(out.timed_out == 0);
        CHECK(out.accepted == out.offered);
    }
}

TEST_CASE("tasks gather in the next batch while an agent holds as many batches as it may") {
    Desk desk;
    FakeAgent agent = desk.join("a");
    desk.prove_slow("a", agent);
    std::vector<PoolActionPtr> pool;
    Batches held;
    for (std::size_t i = 0; i < 8; ++i) {
        pool.push_back(fake_action({.nonce = i}));
        desk.poll(pool);
        for (auto& batch : Desk::take(agent))
            held.push_back(batch);
    }
    REQUIRE(held.size() == 2);
    const int before = agent.sink->ready();
    // When it answers one of them, its stream is told of the next, which has the other six tasks.
    REQUIRE(desk.submit("a", answer_to(*held[0]))->accepted);
    CHECK(agent.sink->ready() == before + 1);
    const auto next = agent.stream->take();
    REQUIRE(next);
    CHECK(next->tasks.size() == 6);
}

TEST_CASE("a batch that waited because the agent held too many is no sign that its client does not read") {
    // Given: a slow agent holds one batch since 6 s, and another waits for it since 5 s.
    Desk desk;
    FakeAgent agent = desk.join("a", TaskLevel::l2_state_verify, 1);
    desk.prove_slow("a", agent);
    desk.poll(actions(1));
    const auto first = agent.stream->take();
    REQUIRE(first);
    desk.pass(5s);
    desk.poll(actions(3));
    desk.pass(1s);
    const Batches second = Desk::take(agent);
    REQUIRE(second.size() == 1);
    desk.pass(3s);
    REQUIRE(desk.submit("a", answer_to(*first))->accepted);
    REQUIRE(Desk::take(agent).empty());
    // When the time of the one that waits is over, and then the agent answers
    desk.beat("a");
    desk.update(actions(3), 100);
    desk.pass(6500ms);
    CHECK(desk.counter("batches_never_taken") == 1);
    REQUIRE(desk.submit("a", answer_to(*second[0]))->accepted);
    // Then it gets the third like any other agent.
    const Batches third = Desk::take(agent);
    REQUIRE(tasks_in(third) == 1);
    CHECK(desk.submit("a", answer_to(*third[0]))->accepted);
    CHECK(desk.counter("agents_held_back") == 0);
}

TEST_CASE("the time that a commit takes does not count against the agent's other batches") {
    Desk desk;
    FakeAgent agent = desk.join("a", TaskLevel::l2_state_verify, 1);
    desk.poll(actions(2));
    const Batches held = Desk::take(agent);
    REQUIRE(held.size() == 2);
    auto judged = desk.engine->judge("a", answer_to(*held[0]));
    REQUIRE(judged);
    // When the commit takes 8 s, and the agent then works 4 s on its other batch
    for (int i = 0; i < 8; ++i)
        desk.pass(1s);
    desk.engine->recorded(std::get<Submission>(*judged), {});
    desk.beat("a");
    desk.update(actions(2), 100);
    for (int i = 0; i < 4; ++i)
        desk.pass(1s);
    // Then its answer is in time, although 12 s have passed.
    CHECK(desk.submit("a", answer_to(*held[1]))->accepted);
    CHECK(desk.counter("agents_held_back") == 0);
}

TEST_CASE("an agent that answers bit by bit cannot hold a task longer than twice the time-out") {
    // Given: an agent took a batch and leaves one of its tasks unanswered, and its other answers are always
    // being recorded.
    CoordinatorSettings settings;
    settings.task_attempts = 2;
    Desk desk(settings);
    FakeAgent agent = desk.join("a");
    desk.poll(actions(10));
    const auto batch = agent.stream->take();
    REQUIRE(batch);
    FakeAgent other = desk.join("b");
    std::optional<Submission> recording;
    std::optional<std::chrono::seconds> given_to_other;
    for (auto passed = 0s; passed < 40s && !given_to_other; passed += 1s) {
        const auto index = static_cast<std::size_t>(passed / 4s);
        if (passed % 4s == 0s && index < 9) {
            BatchResult one = answer_to(*batch);
            one.results = {one.results[index]};
            auto judged = desk.engine->judge("a", one);
            REQUIRE(judged);
            auto* submission = std::get_if<Submission>(&*judged);
            if (submission != nullptr) {
                if (recording) desk.engine->recorded(*recording, {});
                recording = std::move(*submission);
            }
        }
        desk.beat("a");
        desk.beat("b");
        desk.update(actions(10), 100);
        desk.pass(1s);
        if (tasks_in(Desk::take(other)) > 0) given_to_other = passed + 1s;
    }
    // Then another agent gets the task after 20 s.
    REQUIRE(given_to_other);
    CHECK(*given_to_other == 20s);
}

TEST_CASE("what waits for an agent that lost a batch goes to others at once") {
    Desk desk;
    FakeAgent silent = desk.join("a", TaskLevel::l2_state_verify, 1);
    desk.prove_slow("a", silent);
    desk.poll(actions(2));
    REQUIRE(Desk::take(silent).size() == 2);
    desk.clock.advance(5s);
    desk.beat("a");
    desk.poll(actions(4));
    REQUIRE(Desk::take(silent).empty());
    FakeAgent other = desk.join("b");
    desk.clock.advance(5s);
    desk.beat("b");
    desk.update(actions(4), 100);
    desk.pass(0s);
    CHECK(tasks_in(Desk::take(other)) == 4);
}
