// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/codec/codec.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/grpc_client.hpp"
#include "test/support/h2_raw.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using proto::Codec;
using std::chrono::milliseconds;

namespace {

/// A server on a free loopback port, with a fake coordinator behind it.
struct Served {
    explicit Served(AccessSettings access_settings = {kMasterSecret, "", ""},
                    proto::AgentServerSettings settings = {})
        : access(AccessControl::open(std::move(access_settings)).value()) {
        settings.metrics = metrics;
        settings.address = "127.0.0.1";
        auto started = proto::AgentServer::start(settings, link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    [[nodiscard]] std::uint16_t port() const { return server->port(); }

    FakeAgentLink link;
    std::unique_ptr<AccessControl> access;
    metrics::Registry metrics;
    std::unique_ptr<proto::AgentServer> server;
};

struct Agent {
    Agent(std::uint16_t port, std::string name, Codec with)
        : id(std::move(name)), codec(with), headers(credentials_of(id, kMasterSecret)), client(port) {}

    RegisterResponse join() {
        RegisterRequest request;
        request.agent_id = id;
        request.capability = TaskLevel::l2_state_verify;
        auto [status, response] = client.ask<RegisterResponse>("Register", codec, request, headers);
        CHECK(status.error_message() == "");
        REQUIRE(status.ok());
        return response;
    }
    std::unique_ptr<GrpcStream> tasks() {
        GetTasksRequest request;
        request.agent_id = id;
        return client.stream("GetTasks", proto::encode(codec, request), headers);
    }
    std::pair<grpc::Status, SubmitResponse> submit(std::size_t results = 1) {
        BatchResult batch;
        batch.agent_id = id;
        batch.batch_id = "b-1";
        batch.results.resize(results);
        for (auto& result : batch.results)
            result.reject_reason = "reason";
        return client.ask<SubmitResponse>("SubmitResults", codec, batch, headers);
    }
    std::pair<grpc::Status, HeartbeatResponse> heartbeat() {
        HeartbeatRequest request;
        request.agent_id = id;
        return client.ask<HeartbeatResponse>("Heartbeat", codec, request, headers);
    }

    std::string id;
    Codec codec;
    Headers headers;
    GrpcClient client;
};

std::string counters_text(const Served& served) {
    std::string out;
    for (const auto& [name, value] : served.metrics.values()) {
        if (value != 0) out += name + " " + std::to_string(value) + "\n";
    }
    return out;
}

TaskBatch batch_of(const std::string& batch_id) {
    TaskBatch batch;
    batch.batch_id = batch_id;
    batch.timestamp = 1'700'000'000'000;
    batch.tasks.resize(2);
    batch.tasks[0].task_id = 7;
    batch.tasks[0].tx_raw = {1, 2, 3};
    batch.tasks[1].task_id = 8;
    return batch;
}

std::string text_of(const grpc::Status& status) {
    return std::to_string(status.error_code()) + " " + status.error_message();
}

Bytes heartbeat_of(const std::string& id) {
    HeartbeatRequest request;
    request.agent_id = id;
    return proto::encode(Codec::protobuf, request);
}

}  // namespace

TEST_CASE("an agent registers, takes tasks, answers and sends heartbeats, in either encoding", "[server]") {
    const auto codec = GENERATE(Codec::protobuf, Codec::json);
    Served served;
    Agent agent(served.port(), "agent-01", codec);

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

TEST_CASE("without a secret the claimed id is accepted", "[server]") {
    Served served({"", "", ""});
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
    Served served({"", "", ""});
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
    Served served;
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
    Served served({kMasterSecret, "", dir.path("revoked")});
    Agent agent(served.port(), "agent-01", Codec::json);
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
    Served served({kMasterSecret, "", dir.path("revoked")});
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

TEST_CASE("a registration whose answer comes when the server is gone touches nothing of it", "[server]") {
    Served served;
    served.link.hold_registers();
    Agent agent(served.port(), "agent-01", Codec::json);
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

TEST_CASE("an id in a message that differs from the authenticated one is replaced or refused", "[server]") {
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
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

TEST_CASE("agents that are not registered get the answers that the protocol defines", "[server]") {
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
    const auto stream = agent.tasks();
    CHECK_FALSE(stream->next());
    CHECK(stream->finish().error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    CHECK(agent.submit().second.reason == "agent not registered");
    CHECK(agent.heartbeat().second.directive == "shutdown");
}

TEST_CASE("a message that cannot be decoded is INVALID_ARGUMENT with the name of the field",
          "[server][defect-40]") {
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
    const std::string text = R"({"agent_id":"agent-01","tasks_pending":-1})";
    const auto answer = agent.client.call("Heartbeat", Bytes(text.begin(), text.end()), agent.headers);
    CHECK(answer.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(answer.status.error_message().find("tasks_pending") != std::string::npos);
    const auto broken = agent.client.call("SubmitResults", Bytes{0x0a, 0xff}, agent.headers);
    CHECK(broken.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("null elements in lists are INVALID_ARGUMENT", "[server][defect-30]") {
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
    (void)agent.join();
    const std::string text = R"({"agent_id":"agent-01","batch_id":"b","results":[null],"timestamp":1})";
    const auto answer = agent.client.call("SubmitResults", Bytes(text.begin(), text.end()), agent.headers);
    CHECK(answer.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(served.link.submitted().empty());
    CHECK(agent.heartbeat().second.alive);
}

TEST_CASE("unknown methods are UNIMPLEMENTED", "[server]") {
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
    CHECK(agent.client.call("Nothing", {}, agent.headers).status.error_code() ==
          grpc::StatusCode::UNIMPLEMENTED);
    CHECK(agent.client.call("StreamStateDiffs", {}, agent.headers).status.error_code() ==
          grpc::StatusCode::UNIMPLEMENTED);
}

TEST_CASE("a newer task stream of an agent replaces the first", "[server]") {
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
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
    Served served;
    Agent slow(served.port(), "slow", Codec::json);
    Agent other(served.port(), "other", Codec::json);
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
    Served served;
    Agent steady(served.port(), "steady", Codec::json);
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
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
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
    Served served;
    Agent early(served.port(), "early", Codec::json);
    (void)early.join();
    served.server->stop_accepting();
    CHECK(early.heartbeat().second.alive);
    GrpcClient late(served.port());
    CHECK(
        late.call("Heartbeat", heartbeat_of("late"), credentials_of("late", kMasterSecret), milliseconds(2000))
            .status.error_code() != grpc::StatusCode::OK);
}

TEST_CASE("the size of a body is limited per method, whatever its length prefix says", "[server]") {
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
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
    Served served;
    Agent agent(served.port(), "agent-01", GENERATE(Codec::protobuf, Codec::json));
    (void)agent.join();
    CHECK(agent.submit(1000).second.accepted);
    CHECK(agent.submit(1001).first.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("headers over 16 KiB and compressed messages are refused", "[server]") {
    Served served;
    Agent agent(served.port(), "agent-01", Codec::json);
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

TEST_CASE("a port in use and half a TLS pair are errors at the start", "[server]") {
    Served served;
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
