// SPDX-License-Identifier: Apache-2.0
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "proto/codec/codec.hpp"
#include "test/proto/agent_port/agent_server_fixture.hpp"
#include "test/support/grpc_client.hpp"
#include "test/support/h2_raw.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using proto::Codec;
using std::chrono::milliseconds;

TEST_CASE("without a secret the claimed id is accepted", "[server]") {
    ServedAgents served({"", "", ""});
    GrpcClient client(served.port());
    RegisterRequest request;
    request.agent_id = "somebody";
    const auto [status, response] = client.ask<RegisterResponse>("Register", Codec::json, request);
    CHECK(status.ok());
    CHECK(response.accepted);
    CHECK(served.link.registered().at(0).first == "somebody");

    const auto [nameless, refused] =
        client.ask<RegisterResponse>("Register", Codec::protobuf, RegisterRequest{});
    CHECK(nameless.ok());
    CHECK_FALSE(refused.accepted);
    CHECK(refused.reason == "agent_id is required");
}

TEST_CASE("an invalid agent id is INVALID_ARGUMENT and does not reach the coordinator", "[server][defect-39]") {
    ServedAgents served({"", "", ""});
    GrpcClient client(served.port());
    for (const std::string id : {"a b", "../../etc", "\x1b[31m", "a\nb"}) {
        RegisterRequest request;
        request.agent_id = id;
        const auto [status, response] = client.ask<RegisterResponse>("Register", Codec::json, request);
        CHECK((status.error_code() == grpc::StatusCode::INVALID_ARGUMENT) == (id != "../../etc"));
    }
    CHECK(served.link.registered().size() == 1);
}

TEST_CASE("every method checks the headers before the body", "[server][defect-29]") {
    const auto method =
        GENERATE(as<std::string>(), "Register", "GetTasks", "SubmitResults", "Heartbeat", "StreamStateDiffs");
    ServedAgents served;
    GrpcClient client(served.port());
    const Bytes garbage{0xff, 0xff, 0xff};
    const auto good = credentials_of("agent-01", kMasterSecret);
    const auto refused = [&](const Headers& headers) {
        return text_of(client.call(method, garbage, headers).status);
    };
    CHECK(refused({}) == "16 missing agent ID");
    CHECK(refused({good[1]}) == "16 missing agent ID");
    CHECK(refused({good[0]}) == "16 missing auth token");
    CHECK(refused({good[0], {good[1].first, "iosw_wrong"}}) == "16 invalid auth token");
    CHECK(refused(credentials_of("agent-01", "another-secret")) == "16 invalid auth token");
    CHECK(refused({{good[0].first, "agent-02"}, good[1]}) == "16 invalid auth token");
    CHECK(refused({good[0], good[0], good[1]}) == "16 invalid auth token");
    CHECK(refused({good[0], good[1], good[1]}) == "16 invalid auth token");
    CHECK(refused({{good[0].first, ""}, good[1]}) == "16 missing agent ID");
}

TEST_CASE("a revoked agent is refused before its message is read, and its stream ends at once",
          "[server][defect-24]") {
    const TempDir dir;
    (void)dir.write("revoked", "");
    ServedAgents served({kMasterSecret, "", dir.path("revoked")});
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    (void)agent.join();
    const auto stream = agent.tasks();
    REQUIRE(served.link.wait_for_stream("agent-01", true));

    (void)dir.write("revoked", "agent-01\n");
    const std::vector<std::string> connected{"agent-01"};
    const auto barred = served.access->reload(connected);
    REQUIRE(barred.has_value());
    for (const auto& id : *barred) {
        served.link.end_agent(id, Error{ErrorCode::permission_denied, "agent is revoked", {}, {}, {}});
    }
    CHECK_FALSE(stream->next());
    CHECK(text_of(stream->finish()) == "7 agent is revoked");
    CHECK(text_of(agent.client.call("Heartbeat", Bytes{0xff}, agent.headers).status) == "7 agent is revoked");
}

TEST_CASE("an agent that is revoked after it sent a call's headers cannot go on with the call", "[server]") {
    const TempDir dir;
    (void)dir.write("revoked", "");
    ServedAgents served({kMasterSecret, "", dir.path("revoked")});
    H2Raw line(served.port());
    REQUIRE(line.begin());
    const Headers agent = credentials_of("agent-01", kMasterSecret);
    const std::string method =
        GENERATE(as<std::string>(), "Register", "GetTasks", "SubmitResults", "Heartbeat");
    CAPTURE(method);
    REQUIRE(
        line.send(h2::frame(h2::Type::headers, h2::kEndHeaders, 1, h2::literal(h2::request(method, agent)))));
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (served.metrics.value("calls") == 0 && std::chrono::steady_clock::now() < until)
        std::this_thread::yield();

    (void)dir.write("revoked", "agent-01\n");
    REQUIRE(served.access->reload({}).has_value());
    REQUIRE(line.send_frame(h2::Type::data, h2::kEndStream, 1, h2::grpc_message(heartbeat_of("agent-01"))));
    CHECK(line.answer(1).grpc_status() == grpc::StatusCode::PERMISSION_DENIED);
    CHECK(served.link.registered().empty());
    CHECK(served.link.submitted().empty());
    CHECK(served.link.open_streams() == 0);
}

TEST_CASE("an id in a message that differs from the authenticated one is replaced or refused", "[server]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    agent.headers = credentials_of("agent-02", kMasterSecret);
    (void)agent.join();
    CHECK(served.link.registered().at(0).first == "agent-02");  // the verified id replaces the claimed one
    CHECK(agent.heartbeat().first.error_code() == grpc::StatusCode::PERMISSION_DENIED);
    const auto stream = agent.tasks();
    CHECK_FALSE(stream->next());
    CHECK(stream->finish().error_code() == grpc::StatusCode::PERMISSION_DENIED);
    const auto [status, response] = agent.submit();
    CHECK(status.ok());
    CHECK_FALSE(response.accepted);
    agent.id = "";
    CHECK(agent.heartbeat().second.alive);
}
