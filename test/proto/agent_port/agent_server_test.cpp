// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/codec/codec.hpp"
#include "test/proto/agent_port/agent_server_fixture.hpp"
#include "test/support/grpc_client.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using proto::Codec;
using std::chrono::milliseconds;

TEST_CASE("an agent registers, takes tasks, answers and sends heartbeats, in either encoding", "[server]") {
    const auto codec = GENERATE(Codec::protobuf, Codec::json);
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", codec);

    const auto joined = agent.join();
    CHECK(joined.accepted);
    CHECK(joined.heartbeat_interval_sec == 10);
    const auto stream = agent.tasks();
    REQUIRE(served.link.wait_for_stream("agent-01", true));
    const std::vector<std::string> names{"b-1", "b-2", "b-3"};
    for (const auto& name : names)
        REQUIRE(served.link.give("agent-01", batch_of(name)));
    for (const auto& name : names) {
        const auto message = stream->next();
        REQUIRE(message);
        CHECK(proto::codec_of(*message) == codec);
        CHECK(proto::decode<TaskBatch>(codec, *message).value() == batch_of(name));
    }
    const auto [submit_status, submitted] = agent.submit();
    CHECK(submit_status.ok());
    CHECK(submitted.accepted);
    CHECK(served.link.submitted().at(0).results.at(0).reject_reason == "reason");
    const auto [beat_status, beat] = agent.heartbeat();
    CHECK(beat_status.ok());
    CHECK(beat.alive);
    CHECK(beat.directive == "continue");

    stream->cancel();
    CHECK(served.link.wait_for_stream("agent-01", false));
}

TEST_CASE("a registration whose answer comes when the server is gone touches nothing of it", "[server]") {
    ServedAgents served;
    served.link.hold_registers();
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    RegisterRequest request;
    request.agent_id = "agent-01";
    const auto given_up =
        agent.client.call("Register", proto::encode(Codec::json, request), agent.headers, milliseconds(200));
    CHECK(given_up.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
    REQUIRE(served.link.held_registers() == 1);
    served.server->shutdown(milliseconds(100));
    served.server.reset();
    served.link.release_registers();  // under ASan a use of the server would be seen
}

TEST_CASE("agents that are not registered get the answers that the protocol defines", "[server]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    const auto stream = agent.tasks();
    CHECK_FALSE(stream->next());
    CHECK(stream->finish().error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    CHECK(agent.submit().second.reason == "agent not registered");
    CHECK(agent.heartbeat().second.directive == "shutdown");
}

TEST_CASE("unknown methods are UNIMPLEMENTED", "[server]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    CHECK(agent.client.call("Nothing", {}, agent.headers).status.error_code() ==
          grpc::StatusCode::UNIMPLEMENTED);
    CHECK(agent.client.call("StreamStateDiffs", {}, agent.headers).status.error_code() ==
          grpc::StatusCode::UNIMPLEMENTED);
}

TEST_CASE("a newer task stream of an agent replaces the first", "[server]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    (void)agent.join();
    const auto first = agent.tasks();
    REQUIRE(served.link.wait_for_stream("agent-01", true));
    const auto second = agent.tasks();
    CHECK_FALSE(first->next());
    CHECK(first->finish().error_code() == grpc::StatusCode::ABORTED);
    REQUIRE(served.link.give("agent-01", batch_of("b-1")));
    CHECK(second->next());
}

TEST_CASE("an answer that takes long delays nobody, and may come after its client has left", "[server]") {
    ServedAgents served;
    CallingAgent slow(served.port(), "slow", Codec::json);
    CallingAgent other(served.port(), "other", Codec::json);
    (void)slow.join();
    (void)other.join();
    served.link.hold_submits();
    BatchResult batch;
    const auto given_up =
        slow.client.call("SubmitResults", proto::encode(Codec::json, batch), slow.headers, milliseconds(200));
    CHECK(given_up.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
    CHECK(other.heartbeat().second.alive);
    CHECK(served.link.held_submits() == 1);
    SECTION("the server is up") {
        served.link.release_submits();
        CHECK(slow.heartbeat().second.alive);
    }
    SECTION("the server is down") {
        served.server->shutdown(milliseconds(100));
        served.link.release_submits();
    }
}

TEST_CASE("registrations that wait for the disk do not delay heartbeats", "[server]") {
    ServedAgents served;
    CallingAgent steady(served.port(), "steady", Codec::json);
    (void)steady.join();
    served.link.hold_registers();
    // More than gRPC has threads for callbacks.
    constexpr std::size_t kWaiting = 32;
    std::vector<std::jthread> waiting;
    std::atomic<std::size_t> joined{0};
    for (std::size_t i = 0; i < kWaiting; ++i) {
        waiting.emplace_back([&, i] {
            const std::string id = "waiting-" + std::to_string(i);
            GrpcClient client(served.port());
            RegisterRequest request;
            request.agent_id = id;
            const auto [status, response] = client.ask<RegisterResponse>("Register", Codec::json, request,
                                                                         credentials_of(id, kMasterSecret));
            if (status.ok() && response.accepted) ++joined;
        });
    }
    while (served.link.held_registers() < kWaiting)
        std::this_thread::yield();
    for (int i = 0; i < 20; ++i)
        CHECK(steady.heartbeat().second.alive);
    CHECK(joined == 0);
    served.link.release_registers();
    waiting.clear();
    CHECK(joined == kWaiting);
}

TEST_CASE("shutdown ends streams with UNAVAILABLE and does not wait for clients", "[server][defect-32]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    (void)agent.join();
    const auto stream = agent.tasks();
    REQUIRE(served.link.wait_for_stream("agent-01", true));
    served.server->shutdown(std::chrono::seconds(8));
    CHECK_FALSE(stream->next());
    CHECK(text_of(stream->finish()) == "14 the coordinator is shutting down");
    CHECK(served.link.open_streams() == 0);
    CHECK(agent.heartbeat().first.error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("after stop_accepting open connections continue and no new one is accepted", "[server]") {
    ServedAgents served;
    CallingAgent early(served.port(), "early", Codec::json);
    (void)early.join();
    served.server->stop_accepting();
    CHECK(early.heartbeat().second.alive);
    GrpcClient late(served.port());
    CHECK(
        late.call("Heartbeat", heartbeat_of("late"), credentials_of("late", kMasterSecret), milliseconds(2000))
            .status.error_code() != grpc::StatusCode::OK);
}

TEST_CASE("a port in use and half a TLS pair are errors at the start", "[server]") {
    ServedAgents served;
    proto::AgentServerSettings settings;
    settings.address = "127.0.0.1";
    settings.port = served.port();
    CHECK(proto::AgentServer::start(settings, served.link, *served.access, Log()).error().code ==
          ErrorCode::unavailable);
    settings.port = 0;
    settings.tls_cert_file = IOSWARM_TEST_DATA "/tls/first.crt";
    CHECK(proto::AgentServer::start(settings, served.link, *served.access, Log()).error().code ==
          ErrorCode::config);
    settings.tls_key_file = IOSWARM_TEST_DATA "/tls/second.key";
    CHECK(proto::AgentServer::start(settings, served.link, *served.access, Log()).error().code ==
          ErrorCode::bad_data);
    settings.address = "no such address";
    settings.tls_key_file = settings.tls_cert_file = "";
    CHECK(proto::AgentServer::start(settings, served.link, *served.access, Log()).error().code ==
          ErrorCode::invalid_argument);
}
