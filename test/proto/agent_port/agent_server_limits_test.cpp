// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "proto/codec/codec.hpp"
#include "test/proto/agent_port/agent_server_fixture.hpp"
#include "test/support/grpc_client.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using proto::Codec;
using std::chrono::milliseconds;

TEST_CASE("a message that cannot be decoded is INVALID_ARGUMENT with the name of the field",
          "[server][defect-40]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    const std::string text = R"({"agent_id":"agent-01","tasks_pending":-1})";
    const auto answer = agent.client.call("Heartbeat", Bytes(text.begin(), text.end()), agent.headers);
    CHECK(answer.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(answer.status.error_message().find("tasks_pending") != std::string::npos);
    const auto broken = agent.client.call("SubmitResults", Bytes{0x0a, 0xff}, agent.headers);
    CHECK(broken.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("null elements in lists are INVALID_ARGUMENT", "[server][defect-30]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    (void)agent.join();
    const std::string text = R"({"agent_id":"agent-01","batch_id":"b","results":[null],"timestamp":1})";
    const auto answer = agent.client.call("SubmitResults", Bytes(text.begin(), text.end()), agent.headers);
    CHECK(answer.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(served.link.submitted().empty());
    CHECK(agent.heartbeat().second.alive);
}

TEST_CASE("the size of a body is limited per method, whatever its length prefix says", "[server]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    (void)agent.join();
    const auto spaces = [](std::size_t bytes) {
        Bytes out(bytes, ' ');
        out.front() = '{';
        out.back() = '}';
        return out;
    };
    const auto code = [&](const std::string& method, std::size_t bytes) {
        // Each call has its own connection, because a connection on which far too much was sent is shut after
        // the refusal.
        GrpcClient client(served.port());
        return client.call(method, spaces(bytes), agent.headers).status.error_code();
    };
    for (const std::string method : {"Register", "Heartbeat"}) {
        CHECK(code(method, 2) == grpc::StatusCode::OK);
        CHECK(code(method, 64u << 10) == grpc::StatusCode::OK);
        CHECK(code(method, (64u << 10) + 1) == grpc::StatusCode::RESOURCE_EXHAUSTED);
        CHECK(code(method, 1u << 20) == grpc::StatusCode::RESOURCE_EXHAUSTED);
    }
    CHECK(code("SubmitResults", (64u << 10) + 1) == grpc::StatusCode::OK);
    CHECK(code("SubmitResults", 8u << 20) == grpc::StatusCode::OK);
    CHECK(code("SubmitResults", (8u << 20) + 1) == grpc::StatusCode::RESOURCE_EXHAUSTED);
    CHECK(code("SubmitResults", 12u << 20) == grpc::StatusCode::RESOURCE_EXHAUSTED);
    CHECK(code("Heartbeat", 12u << 20) == grpc::StatusCode::RESOURCE_EXHAUSTED);
    const auto [status, beat] = agent.heartbeat();
    INFO(counters_text(served));
    CHECK(text_of(status) == "0 ");
    CHECK(beat.alive);
}

TEST_CASE("a thousand results are accepted, and one more is INVALID_ARGUMENT", "[server]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", GENERATE(Codec::protobuf, Codec::json));
    (void)agent.join();
    CHECK(agent.submit(1000).second.accepted);
    CHECK(agent.submit(1001).first.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("headers over 16 KiB and compressed messages are refused", "[server]") {
    ServedAgents served;
    CallingAgent agent(served.port(), "agent-01", Codec::json);
    auto headers = agent.headers;
    headers.emplace_back("x-more", std::string(20'000, 'x'));
    // gRPC closes a connection whose headers are too large. Another call of the same client could fail because
    // of that, so this one has its own connection.
    grpc::ChannelArguments apart;
    apart.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    GrpcClient talkative(served.port(), nullptr, apart);
    CHECK(talkative.call("Heartbeat", heartbeat_of("agent-01"), headers).status.error_code() ==
          grpc::StatusCode::RESOURCE_EXHAUSTED);
    grpc::ChannelArguments compressing;
    compressing.SetCompressionAlgorithm(GRPC_COMPRESS_GZIP);
    GrpcClient client(served.port(), nullptr, compressing);
    CHECK(client.call("Heartbeat", Bytes(20'000, 'x'), agent.headers).status.error_code() ==
          grpc::StatusCode::UNIMPLEMENTED);
    CHECK(agent.heartbeat().first.ok());
}
