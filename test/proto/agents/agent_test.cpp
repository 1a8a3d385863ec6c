// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/agents/agent_group.hpp"
#include "test/proto/agents/agent_fixture.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using proto::AgentGroup;
using proto::AgentProfile;
using proto::AgentTimes;
using proto::Codec;

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
