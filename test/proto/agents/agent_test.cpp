// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "core/crypto/hmac.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/agents/agent_group.hpp"
#include "proto/agents/channel.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using proto::AgentGroup;
using proto::AgentProfile;
using proto::AgentTimes;
using proto::Codec;

namespace {

/// A fake coordinator whose calls can be waited for: each call of an agent is noted.
class WatchedLink final : public AgentLink {
  public:
    void register_agent(const std::string& agent_id, const RegisterRequest& request,
                        RegisterDone done) override {
        fake.register_agent(agent_id, request, std::move(done));
        note("register " + agent_id);
    }
    Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string& agent_id,
                                                         const GetTasksRequest& request,
                                                         std::shared_ptr<StreamSink> sink) override {
        return fake.open_task_stream(agent_id, request, std::move(sink));
    }
    void submit(const std::string& agent_id, BatchResult batch, SubmitDone done) override {
        fake.submit(agent_id, std::move(batch), std::move(done));
        note("submit " + agent_id);
    }
    Result<HeartbeatResponse> heartbeat(const std::string& agent_id, const HeartbeatRequest& request) override {
        if (fails_heartbeats) {
            note("failed " + agent_id);
            return fail(ErrorCode::unavailable, "no answer", agent_id);
        }
        auto response = fake.heartbeat(agent_id, request);
        {
            const std::lock_guard lock(mutex_);
            last_processed_ = request.tasks_processed;
            if (response) response->payout = std::exchange(payout_, std::nullopt);
        }
        note(std::string(response->alive ? "alive " : "unknown ") + agent_id);
        return response;
    }
    void end_agent(const std::string& agent_id, const Error& reason) override {
        fake.end_agent(agent_id, reason);
    }

    /// Waits until `what` was noted `count` times since the start.
    bool wait_for(const std::string& what, std::size_t count = 1) {
        std::unique_lock lock(mutex_);
        return noted_.wait_for(lock, 20s, [&] { return notes_.count(what) >= count; });
    }
    std::uint32_t last_processed() {
        const std::lock_guard lock(mutex_);
        return last_processed_;
    }

    /// The next heartbeat carries this payout.
    void pay(const PayoutInfo& payout) {
        const std::lock_guard lock(mutex_);
        payout_ = payout;
    }

    FakeAgentLink fake;
    std::atomic<bool> fails_heartbeats{false};

  private:
    void note(const std::string& what) {
        {
            const std::lock_guard lock(mutex_);
            notes_.insert(what);
        }
        noted_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable noted_;
    std::multiset<std::string> notes_;
    std::uint32_t last_processed_ = 0;
    std::optional<PayoutInfo> payout_;
};

struct WatchedCoordinator {
    explicit WatchedCoordinator(proto::AgentServerSettings settings = {})
        : access(AccessControl::open({kMasterSecret, "", ""}).value()) {
        settings.address = "127.0.0.1";
        settings.metrics = metrics;
        auto started = proto::AgentServer::start(std::move(settings), link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    [[nodiscard]] proto::CoordinatorAddress address() const {
        return {"127.0.0.1:" + std::to_string(server->port()), false, {}, {}};
    }

    metrics::Registry metrics;
    WatchedLink link;
    std::unique_ptr<AccessControl> access;
    std::unique_ptr<proto::AgentServer> server;
};

AgentProfile profile_of(const std::string& id, Codec codec = Codec::protobuf) {
    AgentProfile profile;
    profile.id = id;
    profile.token = agent_token(kMasterSecret, id);
    profile.level = TaskLevel::l3_full_execute;
    profile.region = "here";
    profile.version = "1.0";
    profile.wallet_address = "0x14aedb14f3f73e04bb207a9af1e3d0d0a3ab1f20";
    profile.codec = codec;
    return profile;
}

AgentTimes quick_times() {
    AgentTimes times;
    times.retry_min = 5ms;
    times.retry_max = 20ms;
    return times;
}

TaskBatch batch_of_two(const std::string& batch_id) {
    TaskBatch batch;
    batch.batch_id = batch_id;
    batch.tasks.resize(2);
    batch.tasks[0].task_id = 7;
    batch.tasks[0].tx_raw = {1, 2, 3};
    batch.tasks[1].task_id = 8;
    return batch;
}

/// Answers "valid" if the task has raw bytes, otherwise "invalid".
TaskResult answer_by_size(const TaskPackage& task) {
    TaskResult result;
    result.valid = !task.tx_raw.empty();
    if (!result.valid) result.reject_reason = "empty";
    return result;
}

}  // namespace

TEST_CASE("an agent registers with its profile and answers its batches, in either encoding", "[agent]") {
    const auto codec = GENERATE(Codec::protobuf, Codec::json);
    WatchedCoordinator served;
    AgentGroup agents(served.address(), quick_times(), 1, Log());
    agents.add(profile_of("agent-01", codec), answer_by_size);
    REQUIRE(served.link.fake.wait_for_stream("agent-01", true));
    const auto [id, request] = served.link.fake.registered().at(0);
    CHECK(id == "agent-01");
    CHECK(request == RegisterRequest{"agent-01", TaskLevel::l3_full_execute, "here", "1.0",
                                     "0x14aedb14f3f73e04bb207a9af1e3d0d0a3ab1f20"});

    for (const char* name : {"b-1", "b-2", "b-3"})
        REQUIRE(served.link.fake.give("agent-01", batch_of_two(name)));
    REQUIRE(served.link.wait_for("submit agent-01", 3));
    const auto submitted = served.link.fake.submitted();
    REQUIRE(submitted.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(submitted[i].agent_id == "agent-01");
        CHECK(submitted[i].batch_id == "b-" + std::to_string(i + 1));
        REQUIRE(submitted[i].results.size() == 2);
        CHECK(submitted[i].results[0].task_id == 7);
        CHECK(submitted[i].results[0].valid);
        CHECK(submitted[i].results[1].task_id == 8);
        CHECK(submitted[i].results[1].reject_reason == "empty");
        CHECK(submitted[i].timestamp > 1'700'000'000'000U);
    }
    const auto counters = agents.counters();
    CHECK(counters.registrations == 1);
    CHECK(counters.batches == 3);
    CHECK(counters.tasks == 6);
    CHECK(counters.submissions_accepted >= 2);  // the answer to the third submission may still be on its way
    CHECK(counters.submissions_failed == 0);
}

TEST_CASE("an agent whose stream ends registers again and continues", "[agent]") {
    WatchedCoordinator served;
    AgentGroup agents(served.address(), quick_times(), 1, Log());
    agents.add(profile_of("agent-01"), answer_by_size);
    for (std::size_t round = 1; round <= 3; ++round) {
        REQUIRE(served.link.wait_for("register agent-01", round));
        REQUIRE(served.link.fake.wait_for_stream("agent-01", true));
        REQUIRE(served.link.fake.give("agent-01", batch_of_two("b-1")));
        REQUIRE(served.link.wait_for("submit agent-01", round));
        served.link.end_agent("agent-01", Error{ErrorCode::unavailable, "evicted", {}, {}, {}});
    }
    REQUIRE(served.link.wait_for("register agent-01", 4));
    CHECK(agents.counters().streams_ended == 3);
}

TEST_CASE("an agent survives a coordinator that starts later, and one that restarts", "[agent]") {
    auto served = std::make_unique<WatchedCoordinator>();
    const auto address = served->address();
    const auto port = served->server->port();
    served.reset();

    AgentGroup agents(address, quick_times(), 1, Log());
    agents.add(profile_of("agent-01"), answer_by_size);
    for (int start = 0; start < 2; ++start) {
        proto::AgentServerSettings settings;
        settings.port = port;
        served = std::make_unique<WatchedCoordinator>(settings);
        REQUIRE(served->link.fake.wait_for_stream("agent-01", true));
        REQUIRE(served->link.fake.give("agent-01", batch_of_two("b-1")));
        REQUIRE(served->link.wait_for("submit agent-01"));
        served.reset();
    }
    CHECK(agents.counters().registrations == 2);
}

TEST_CASE("heartbeats carry the number of tasks done, and a forgotten agent registers again", "[agent]") {
    WatchedCoordinator served;
    auto times = quick_times();
    times.heartbeat_every = 10ms;
    AgentGroup agents(served.address(), times, 1, Log());
    agents.add(profile_of("agent-01", Codec::json), answer_by_size);
    REQUIRE(served.link.fake.wait_for_stream("agent-01", true));
    REQUIRE(served.link.fake.give("agent-01", batch_of_two("b-1")));
    REQUIRE(served.link.wait_for("submit agent-01"));
    const auto beats = agents.counters().heartbeats;
    REQUIRE(served.link.wait_for("alive agent-01", beats + 3));
    CHECK(served.link.last_processed() == 2);

    served.link.end_agent("agent-01", Error{ErrorCode::unavailable, "evicted", {}, {}, {}});
    REQUIRE(served.link.wait_for("register agent-01", 2));
    REQUIRE(served.link.fake.wait_for_stream("agent-01", true));
}

TEST_CASE("an agent counts the payouts that its heartbeats bring", "[agent]") {
    WatchedCoordinator served;
    auto times = quick_times();
    times.heartbeat_every = 10ms;
    served.link.pay({7, 0.45, 1, 3});
    AgentGroup agents(served.address(), times, 1, Log());
    agents.add(profile_of("agent-01"), answer_by_size);
    REQUIRE(served.link.wait_for("alive agent-01", 3));  // by the third the answer to the first was read
    CHECK(agents.counters().payouts == 1);
    CHECK(agents.counters().failed_heartbeats == 0);
}

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

TEST_CASE("an agent with a wrong token keeps trying and is never accepted", "[agent]") {
    WatchedCoordinator served;
    auto profile = profile_of("agent-01");
    profile.token = agent_token("another secret", "agent-01");
    std::mutex mutex;
    std::vector<std::string> lines;
    const Log log(LogLevel::info, [&](LogLevel, std::string_view text) {
        const std::lock_guard lock(mutex);
        lines.emplace_back(text);
    });
    auto times = quick_times();
    times.refused_max = times.retry_max;
    AgentGroup agents(served.address(), times, 1, log);
    agents.add(profile, answer_by_size);
    const auto until = std::chrono::steady_clock::now() + 60s;
    while (agents.counters().failed_registrations < 3 && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(1ms);
    CHECK(agents.counters().failed_registrations >= 3);
    const std::lock_guard lock(mutex);
    // The reason is logged once, and without the token.
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("invalid auth token") != std::string::npos);
    CHECK(lines[0].find(profile.token) == std::string::npos);
    CHECK(served.link.fake.registered().empty());
    CHECK(agents.counters().registrations == 0);
}

TEST_CASE("many agents share two threads, each answers its own batch, and the group's end ends all",
          "[agent]") {
    constexpr int kAgents = 150;
    WatchedCoordinator served;
    auto agents = std::make_unique<AgentGroup>(served.address(), quick_times(), 2, Log());
    for (int i = 0; i < kAgents; ++i) {
        agents->add(profile_of("agent-" + std::to_string(i), i % 2 == 0 ? Codec::json : Codec::protobuf),
                    answer_by_size);
    }
    for (int i = 0; i < kAgents; ++i)
        REQUIRE(served.link.fake.wait_for_stream("agent-" + std::to_string(i), true));
    for (int i = 0; i < kAgents; ++i) {
        REQUIRE(served.link.fake.give("agent-" + std::to_string(i), batch_of_two("b-" + std::to_string(i))));
    }
    for (int i = 0; i < kAgents; ++i)
        REQUIRE(served.link.wait_for("submit agent-" + std::to_string(i)));
    for (const auto& batch : served.link.fake.submitted()) {
        CHECK(batch.batch_id == "b-" + batch.agent_id.substr(6));
    }
    CHECK(agents->counters().registrations == kAgents);
    agents.reset();
    for (int i = 0; i < kAgents; ++i)
        CHECK(served.link.fake.wait_for_stream("agent-" + std::to_string(i), false));
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

TEST_CASE("agents reach a coordinator over TLS and check its certificate", "[agent]") {
    const std::string folder = IOSWARM_TEST_DATA "/tls/";
    const auto read_file = [&](const std::string& name) { return whole_file(folder + name); };
    proto::AgentServerSettings settings;
    settings.tls_cert_file = folder + "first.crt";
    settings.tls_key_file = folder + "first.key";
    WatchedCoordinator served(settings);
    auto address = served.address();
    address.tls = true;
    address.tls_name = "localhost";
    address.root_certificates_pem = read_file("first.crt");
    {
        AgentGroup agents(address, quick_times(), 1, Log());
        agents.add(profile_of("agent-01"), answer_by_size);
        CHECK(served.link.fake.wait_for_stream("agent-01", true));
    }
    std::mutex mutex;
    std::condition_variable changed;
    bool refused = false;
    address.root_certificates_pem = read_file("second.crt");
    AgentGroup agents(address, quick_times(), 1, Log(LogLevel::info, [&](LogLevel, std::string_view) {
                          const std::lock_guard lock(mutex);
                          refused = true;
                          changed.notify_all();
                      }));
    agents.add(profile_of("agent-02"), answer_by_size);
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, 20s, [&] { return refused; }));
    lock.unlock();
    CHECK(served.link.fake.registered().size() == 1);
}

TEST_CASE("an agent whose registration is refused repeatedly tries less and less often", "[agent]") {
    const AgentTimes times;
    const auto range = [&](unsigned refusals) {
        return std::pair(proto::retry_pause(times, refusals, 0), proto::retry_pause(times, refusals, 3'000));
    };
    CHECK(range(0) == std::pair(2'000ms, 5'000ms));
    CHECK(range(1) == std::pair(2'000ms, 5'000ms));
    CHECK(range(2).first == 4'000ms);
    CHECK(range(3).first == 8'000ms);
    for (const unsigned many : {10U, 100U, 1'000'000U}) {
        CHECK(proto::retry_pause(times, many, 0) == 150'000ms);
        CHECK(proto::retry_pause(times, many, 150'000) == 300'000ms);
    }
}
