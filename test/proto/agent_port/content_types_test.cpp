// SPDX-License-Identifier: Apache-2.0
// Tests the agent port with a client that is not gRPC C++. It uses plain HTTP/2, with every content-type that
// deployed agents send.
#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/codec/codec.hpp"
#include "proto/h2/client.hpp"
#include "test/support/fake_agent_link.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using proto::Codec;
using proto::grpc_frame;
using proto::H2Client;
using proto::H2Request;

namespace {

// gRPC's status codes.
constexpr int kInvalidArgument = 3;
constexpr int kPermissionDenied = 7;
constexpr int kUnauthenticated = 16;

struct ServedContentTypes {
    ServedContentTypes() : access(AccessControl::open({kMasterSecret, "", ""}).value()) {
        proto::AgentServerSettings settings;
        settings.address = "127.0.0.1";
        auto started = proto::AgentServer::start(settings, link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    [[nodiscard]] std::unique_ptr<H2Client> client() const {
        auto connected = H2Client::connect({"127.0.0.1", server->port(), {}}, 10s);
        if (!connected) FAIL(connected.error().text());
        return std::move(*connected);
    }

    FakeAgentLink link;
    std::unique_ptr<AccessControl> access;
    std::unique_ptr<proto::AgentServer> server;
};

template <typename Request>
H2Request request_of(const std::string& method, const std::string& content_type, Codec codec,
                     const Request& message) {
    H2Request request;
    request.path = "/ioswarm.IOSwarm/" + method;
    request.content_type = content_type;
    request.headers = {{"x-ioswarm-agent-id", "agent-01"},
                       {"x-ioswarm-token", agent_token(kMasterSecret, "agent-01")}};
    request.body = grpc_frame(proto::encode(codec, message));
    return request;
}

template <typename Response>
Response answer_of(H2Client& client, const H2Request& request, Codec codec) {
    const auto answer = client.call(request);
    if (!answer) FAIL(answer.error().text());
    CHECK(answer->status.http_status == 200);
    CHECK(answer->status.grpc_status == 0);
    CHECK(answer->status.grpc_message.empty());
    REQUIRE(answer->messages.size() == 1);
    CHECK(proto::codec_of(answer->messages[0]) == codec);
    return proto::decode<Response>(codec, answer->messages[0]).value();
}

TaskBatch small_batch(const std::string& batch_id) {
    TaskBatch batch;
    batch.batch_id = batch_id;
    batch.tasks.resize(1);
    batch.tasks[0].tx_raw = {1, 2, 3};
    return batch;
}

}  // namespace

TEST_CASE("a whole session works with every content-type that deployed agents send", "[server]") {
    const auto [content_type, codec] =
        GENERATE(table<std::string, Codec>({{"application/grpc", Codec::json},
                                            {"application/grpc", Codec::protobuf},
                                            {"application/grpc+proto", Codec::json},
                                            {"application/grpc+proto", Codec::protobuf},
                                            {"application/grpc+ioswarm-json", Codec::json}}));
    INFO(content_type);
    ServedContentTypes served;
    const auto client = served.client();

    RegisterRequest join;
    join.agent_id = "agent-01";
    CHECK(answer_of<RegisterResponse>(*client, request_of("Register", content_type, codec, join), codec)
              .accepted);

    GetTasksRequest ask;
    ask.agent_id = "agent-01";
    auto tasks = request_of("GetTasks", content_type, codec, ask);
    tasks.deadline = 0ms;
    const auto stream = client->open(tasks).value();
    REQUIRE(served.link.wait_for_stream("agent-01", true));
    for (const char* name : {"b-1", "b-2"}) {
        REQUIRE(served.link.give("agent-01", small_batch(name)));
        const auto message = client->next(stream, 10s).value();
        REQUIRE(message);
        CHECK(proto::decode<TaskBatch>(codec, *message).value() == small_batch(name));
        BatchResult result;
        result.agent_id = "agent-01";
        result.batch_id = name;
        result.results.resize(1);
        CHECK(
            answer_of<SubmitResponse>(*client, request_of("SubmitResults", content_type, codec, result), codec)
                .accepted);
    }
    HeartbeatRequest beat;
    beat.agent_id = "agent-01";
    CHECK(
        answer_of<HeartbeatResponse>(*client, request_of("Heartbeat", content_type, codec, beat), codec).alive);

    served.link.end_agent("agent-01", Error{ErrorCode::permission_denied, "revoked", {}, {}, {}});
    const auto ended = client->finish(stream, 10s).value();
    CHECK(ended.grpc_status == kPermissionDenied);
    CHECK(ended.grpc_message == "revoked");
    CHECK(served.link.submitted().size() == 2);
}

TEST_CASE("refusals arrive as status and message with every content-type", "[server]") {
    const std::string content_type =
        GENERATE("application/grpc", "application/grpc+proto", "application/grpc+ioswarm-json");
    ServedContentTypes served;
    const auto client = served.client();
    auto request = request_of("Register", content_type, Codec::json, RegisterRequest{});
    request.body = grpc_frame(as_bytes(R"({"agent_id":"agent-01","capability":9})"));
    const auto malformed = client->call(request).value();
    CHECK(malformed.status.grpc_status == kInvalidArgument);
    CHECK_THAT(malformed.status.grpc_message, Catch::Contains("capability") && Catch::Contains("9 is over 3"));

    request.headers = {{"x-ioswarm-agent-id", "agent-01"}, {"x-ioswarm-token", "iosw_00"}};
    const auto denied = client->call(request).value();
    CHECK(denied.status.grpc_status == kUnauthenticated);
    CHECK(denied.status.grpc_message == "invalid auth token");
}

TEST_CASE("an idle task stream ends when its client cancels it", "[server]") {
    ServedContentTypes served;
    const auto client = served.client();
    RegisterRequest join;
    join.agent_id = "agent-01";
    answer_of<RegisterResponse>(*client, request_of("Register", "application/grpc", Codec::json, join),
                                Codec::json);
    GetTasksRequest ask;
    auto tasks = request_of("GetTasks", "application/grpc+ioswarm-json", Codec::json, ask);
    tasks.deadline = 0ms;
    const auto stream = client->open(tasks).value();
    REQUIRE(served.link.wait_for_stream("agent-01", true));
    CHECK(client->next(stream, 1ms).error().code == ErrorCode::timed_out);
    client->cancel(stream);
    CHECK(served.link.wait_for_stream("agent-01", false));
}
