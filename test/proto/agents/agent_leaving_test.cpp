// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <future>
#include <mutex>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "proto/agents/agent_group.hpp"
#include "proto/agents/channel.hpp"
#include "test/proto/agents/agent_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using proto::AgentGroup;
using proto::AgentProfile;
using proto::AgentTimes;
using proto::Codec;

/// Work that disconnects its agent at the first batch, and answers the others. It notes what it is told.
class LeavesOnce final : public proto::AgentWork {
  public:
    explicit LeavesOnce(std::atomic<int>& registered) : registered_(registered) {}
    void registered() override { ++registered_; }
    void on_batch(proto::Agent& agent, TaskBatch batch) override {
        if (!std::exchange(has_left_, true)) return agent.disconnect();
        const auto self = agent.shared_from_this();
        if (!agent.submit(agent.answer(batch, answer_by_size, {}),
                          [self](const Result<SubmitResponse>&) { self->next(); }))
            agent.next();
    }

  private:
    std::atomic<int>& registered_;
    bool has_left_ = false;
};

TEST_CASE("an agent that disconnects stays away until it registers again", "[agent]") {
    WatchedCoordinator served;
    std::atomic<int> registered{0};
    proto::AgentContext context(quick_times(), 1, Log());
    const auto agent = std::make_shared<proto::Agent>(
        context, profile_of("agent-01"), [&] { return proto::connect(served.address(), context.times); },
        std::make_unique<LeavesOnce>(registered));
    agent->register_now();
    REQUIRE(served.link.fake.wait_for_stream("agent-01", true));
    REQUIRE(served.link.fake.give("agent-01", batch_of_two("b-1")));
    REQUIRE(served.link.fake.wait_for_stream("agent-01", false));
    CHECK(served.link.fake.submitted().empty());
    CHECK(registered == 1);
    agent->register_now();
    REQUIRE(served.link.fake.wait_for_stream("agent-01", true));
    REQUIRE(served.link.fake.give("agent-01", batch_of_two("b-2")));
    REQUIRE(served.link.wait_for("submit agent-01"));
    CHECK(served.link.fake.submitted().at(0).batch_id == "b-2");
    CHECK(registered == 2);
}

/// Work of an agent that gives up when it is refused.
class GivesUp final : public proto::AgentWork {
  public:
    explicit GivesUp(std::promise<ErrorCode>& failure) : failure_(failure) {}
    void on_batch(proto::Agent& agent, TaskBatch) override { agent.next(); }
    void failed(const Error& error) override { failure_.set_value(error.code); }  // throws when called twice
    [[nodiscard]] bool keeps_trying() const override { return false; }

  private:
    std::promise<ErrorCode>& failure_;
};

TEST_CASE("an agent that disconnects while it registers opens no stream", "[agent]") {
    WatchedCoordinator served;
    served.link.fake.hold_registers();
    proto::AgentContext context(quick_times(), 1, Log());
    class Waits final : public proto::AgentWork {
        void on_batch(proto::Agent&, TaskBatch) override {}
    };
    const auto agent = std::make_shared<proto::Agent>(
        context, profile_of("agent-01"), [&] { return proto::connect(served.address(), context.times); },
        std::make_unique<Waits>());
    agent->register_now();
    REQUIRE(served.link.wait_for("register agent-01"));
    agent->disconnect();
    served.link.fake.release_registers();
    agent->register_now();
    REQUIRE(served.link.fake.wait_for_stream("agent-01", true));
    CHECK(context.counters().registrations == 1);
    CHECK(context.counters().streams_ended == 0);
}

TEST_CASE("an agent's work hears of a registration that failed, and decides that it is not tried again",
          "[agent]") {
    WatchedCoordinator served;
    auto wrong = profile_of("agent-01");
    wrong.token = agent_token("another secret", "agent-01");
    std::promise<ErrorCode> failure;
    std::promise<ErrorCode> no_failure;
    auto told = failure.get_future();
    auto times = quick_times();
    times.heartbeat_every = times.retry_max;
    proto::AgentContext context(times, 1, Log());
    const auto start = [&](const AgentProfile& profile, std::promise<ErrorCode>& noted) {
        std::make_shared<proto::Agent>(
            context, profile, [&] { return proto::connect(served.address(), context.times); },
            std::make_unique<GivesUp>(noted))
            ->register_now();
    };
    start(wrong, failure);
    REQUIRE(told.wait_for(60s) == std::future_status::ready);
    CHECK(told.get() == ErrorCode::unauthenticated);
    // Three heartbeats of another agent take longer than the longest pause before a second try.
    start(profile_of("agent-02"), no_failure);
    REQUIRE(served.link.wait_for("alive agent-02", 3));
    CHECK(served.metrics.value("calls_unauthenticated") == 1);
}

TEST_CASE("an agent is out of touch while its heartbeats fail, although its stream is open", "[agent]") {
    class NoWork final : public proto::AgentWork {
        void on_batch(proto::Agent& agent, TaskBatch) override { agent.next(); }
    };
    WatchedCoordinator served;
    auto times = quick_times();
    times.heartbeat_every = 5ms;
    proto::AgentContext context(times, 1, Log());
    const auto agent = std::make_shared<proto::Agent>(
        context, profile_of("agent-01"), [&] { return proto::connect(served.address(), context.times); },
        std::make_unique<NoWork>());
    CHECK_FALSE(agent->is_in_touch());
    agent->register_now();
    REQUIRE(served.link.wait_for("alive agent-01", 2));
    CHECK(agent->is_in_touch());

    // The second heartbeat is sent after the answer to the first.
    served.link.fails_heartbeats = true;
    REQUIRE(served.link.wait_for("failed agent-01", 2));
    CHECK_FALSE(agent->is_in_touch());
    CHECK(served.link.fake.open_streams() == 1);

    served.link.fails_heartbeats = false;
    const std::uint64_t before = context.counters().heartbeats;
    REQUIRE(served.link.wait_for("alive agent-01", before + 3));
    CHECK(agent->is_in_touch());
    context.loop.stop_and_wait();
}

TEST_CASE("agents end at once while their answers wait and when no coordinator listens", "[agent]") {
    WatchedCoordinator served;
    served.link.fake.hold_submits();
    {
        AgentGroup agents(served.address(), AgentTimes{}, 1, Log());
        agents.add(profile_of("agent-01"), answer_by_size);
        REQUIRE(served.link.fake.wait_for_stream("agent-01", true));
        REQUIRE(served.link.fake.give("agent-01", batch_of_two("b-1")));
        REQUIRE(served.link.wait_for("submit agent-01"));
    }
    served.link.fake.release_submits();
    const auto address = served.address();
    served.server->shutdown(0ms);
    {
        AgentGroup agents(address, AgentTimes{}, 1, Log());
        agents.add(profile_of("agent-01"), answer_by_size);
    }
    SUCCEED("both ended without waiting for a deadline");
}

TEST_CASE("agents of a coordinator that stops end quietly and do not register again", "[agent]") {
    WatchedCoordinator served;
    std::promise<void> ended;
    std::mutex mutex;
    std::vector<std::string> lines;
    const Log log(LogLevel::debug, [&](LogLevel level, std::string_view text) {
        if (text == "agent agent-01 disconnected (coordinator stopping)") return ended.set_value();
        const std::lock_guard lock(mutex);
        if (level != LogLevel::debug) lines.emplace_back(text);
    });
    AgentGroup agents(served.address(), quick_times(), 1, log);
    agents.add(profile_of("agent-01"), answer_by_size);
    REQUIRE(served.link.fake.wait_for_stream("agent-01", true));

    agents.coordinator_stops();
    served.server->shutdown(0ms);

    CHECK(ended.get_future().wait_for(60s) == std::future_status::ready);
    const std::lock_guard lock(mutex);
    CHECK(lines.empty());
    CHECK(agents.counters().registrations == 1);
}
