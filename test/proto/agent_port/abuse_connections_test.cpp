// SPDX-License-Identifier: Apache-2.0

// Attacks on the agent port with many or silent connections, and behaviour that looks similar but must be
// allowed; see test/support/abuse.hpp.

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include "core/base/guarded.hpp"
#include "test/support/abuse.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using h2::Type;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

TEST_CASE("connections and calls that stall are ended, and do not affect an honest agent", "[abuse]") {
    ServerProcess server({"--handshake-seconds", "1", "--call-seconds", "1", "--write-seconds", "1",
                          "--idle-seconds", "1", "--feed-us", "1000"});
    NormalAgent agent(server);

    H2Raw silent(server.port());
    H2Raw half_preface(server.port());
    REQUIRE(half_preface.send(to_bytes(as_bytes("PRI * HTTP/2.0\r\n"))));
    H2Raw idle(server.port());
    REQUIRE(idle.begin());
    H2Raw half_body(server.port());
    REQUIRE(half_body.begin());
    REQUIRE(half_body.send(headers_frame(1, h2::request("SubmitResults", good_credentials()))));
    REQUIRE(half_body.send_frame(Type::data, 0, 1, {0, 0, 0, 1, 0, 1, 2}));
    H2Raw half_headers(server.port());
    REQUIRE(half_headers.begin());
    REQUIRE(half_headers.send(headers_frame(1, h2::request("SubmitResults", good_credentials()), 0)));
    H2Raw takes_nothing(server.port());
    REQUIRE(takes_nothing.begin({{4, 0}}));
    REQUIRE(takes_nothing.send_call(1, h2::request("Register", good_credentials()), {}));
    REQUIRE(takes_nothing.send_call(3, h2::request("GetTasks", good_credentials()), {}));

    CHECK(silent.closed_within(seconds(30)));
    CHECK(half_preface.closed_within(seconds(30)));
    CHECK(idle.closed_within(seconds(30)));
    const auto late = half_body.answer(1, seconds(30));
    CHECK(late.grpc_status() == grpc::StatusCode::DEADLINE_EXCEEDED);
    const auto stuck = takes_nothing.answer(3, seconds(30));
    CHECK((stuck.is_reset || stuck.is_closed || stuck.grpc_status() > 0));
    CHECK(half_headers.closed_within(seconds(30)));
    CHECK(agent.is_answered());
    CHECK(server.stop() == 0);
}

TEST_CASE("the server survives thousands of agents that join and leave during a fast feed",
          "[abuse][defect-31]") {
    ServerProcess server({"--feed-us", "50"});
    NormalAgent normal(server);
    const auto before = server.resident_bytes();
    constexpr int kThreads = 6;
    constexpr int kJoinsEach = kIsSanitized ? 200 : 500;
    std::atomic<int> joined{0};
    std::atomic<int> running{kThreads};
    Guarded<std::string> refused;
    std::vector<std::jthread> agents;
    for (int t = 0; t < kThreads; ++t) {
        agents.emplace_back([&, t] {
            const auto id =
                // Two threads each share an id, so their streams replace each other.
                "agent-" + std::to_string(t % 4);
            const auto headers = credentials_of(id, kServerSecret);
            std::unique_ptr<GrpcClient> client;
            for (int i = 0; i < kJoinsEach; ++i) {
                // Some agents leave by closing their connection. This also keeps the cancelled streams per
                // second below the limit.
                if (i % 50 == 0) client = std::make_unique<GrpcClient>(server.port());
                const auto codec = i % 2 == 0 ? proto::Codec::json : proto::Codec::protobuf;
                auto [status, response] =
                    client->ask<RegisterResponse>("Register", codec, RegisterRequest{}, headers);
                if (status.error_code() == grpc::StatusCode::UNAVAILABLE && i % 50 == 0) {
                    // gRPC's client fails to connect about once in 100,000 times here, and gives ENOENT as the
                    // reason.
                    client = std::make_unique<GrpcClient>(server.port());
                    std::tie(status, response) =
                        client->ask<RegisterResponse>("Register", codec, RegisterRequest{}, headers);
                }
                if (!status.ok() || !response.accepted) {
                    *refused.lock() += "joining: " + status.error_message() + "\n";
                    break;
                }
                const auto stream =
                    client->stream("GetTasks", proto::encode(codec, GetTasksRequest{}), headers);
                const auto batch = stream->next();
                if (batch && !proto::decode<TaskBatch>(codec, *batch)) {
                    *refused.lock() += "a batch cannot be read\n";
                    break;
                }
                joined.fetch_add(1);
            }
            running.fetch_sub(1);
        });
    }
    bool is_always_answered = true;
    while (running.load() > 0)
        is_always_answered = normal.is_answered() && is_always_answered;
    agents.clear();
    CHECK(server.wait_for_memory(before + kMemoryKept, kMemoryBackWithin));
    auto counters = server.counters();
    const auto until = steady_clock::now() + seconds(30);
    while (counters.at("task_streams_open") != 0 && steady_clock::now() < until)
        counters = server.counters();
    INFO(normal.failures() << refused.lock()->substr(0, 1000) << server.counters_text());
    CHECK(counters.at("task_streams_open") == 0);
    CHECK(counters.at("link_streams") == 0);
    CHECK(joined.load() == kThreads * kJoinsEach);
    CHECK(is_always_answered);
    CHECK(server.stop() == 0);
}

TEST_CASE("a server without free descriptors refuses connections and keeps the rest working", "[abuse]") {
    ServerProcess server({"--files", "64"});
    NormalAgent agent(server);
    for (int round = 0; round < 3; ++round) {
        std::vector<H2Raw> lines;
        for (int i = 0; i < 200; ++i) {
            lines.emplace_back(server.port());
            (void)lines.back().begin();
        }
        CHECK(agent.is_answered());
    }
    // After these connections have gone, the port accepts new ones again. gRPC's own listener would not.
    const auto until = steady_clock::now() + seconds(30);
    bool is_answered = false;
    while (!is_answered && steady_clock::now() < until) {
        GrpcClient late(server.port());
        is_answered =
            late.call("Heartbeat", heartbeat_message(), good_credentials(), kAnsweredWithin).status.ok();
    }
    CHECK(is_answered);
    CHECK(server.counters().at("connections_refused_full") > 0);
    CHECK(server.stop() == 0);
}

TEST_CASE("the number of connections per address is limited", "[abuse]") {
    ServerProcess server({"--address-bound", "8"});
    std::vector<H2Raw> lines;
    for (int i = 0; i < 8; ++i) {
        lines.emplace_back(server.port());
        REQUIRE(lines.back().begin());
        REQUIRE(lines.back().next_frame(seconds(30)));
    }
    H2Raw ninth(server.port());
    CHECK(ninth.closed_within(seconds(30)));
    lines.clear();
    const auto until = steady_clock::now() + seconds(30);
    bool is_taken = false;
    while (!is_taken && steady_clock::now() < until) {
        H2Raw again(server.port());
        is_taken = again.begin() && again.next_frame(milliseconds(100)).has_value();
    }
    CHECK(is_taken);
    CHECK(server.counters().at("connections_refused_per_address") > 0);
}

TEST_CASE("an address whose connection was closed for abuse may not connect for a while", "[abuse]") {
    ServerProcess server({"--address-bound", "8", "--bar-seconds", "3"});
    H2Raw line(server.port());
    REQUIRE(line.begin());
    (void)line.flood(repeated(h2::frame(Type::unknown, 0, 1, Bytes(1000, 1)), 10), seconds(30),
                     ~std::uint64_t{0});
    REQUIRE_FALSE(line.is_connected());
    H2Raw next(server.port());
    CHECK(next.closed_within(seconds(2)));
    const auto until = steady_clock::now() + seconds(30);
    bool is_taken = false;
    while (!is_taken && steady_clock::now() < until) {
        H2Raw again(server.port());
        is_taken = again.begin() && again.next_frame(milliseconds(100)).has_value();
    }
    CHECK(is_taken);
    CHECK(server.counters().at("connections_refused_barred") > 0);
}

TEST_CASE("all three content-types are served in both encodings", "[abuse]") {
    ServerProcess server;
    const std::string type = GENERATE(as<std::string>(), "application/grpc", "application/grpc+proto",
                                      "application/grpc+ioswarm-json");
    const auto codec = GENERATE(proto::Codec::protobuf, proto::Codec::json);
    INFO(type);
    H2Raw line(server.port());
    REQUIRE(line.begin());
    REQUIRE(line.send_call(1, h2::request("Register", good_credentials(), type),
                           proto::encode(codec, RegisterRequest{})));
    const auto answer = line.answer(1);
    CHECK(answer.headers.at("content-type").rfind("application/grpc", 0) == 0);
    CHECK(answer.grpc_status() == 0);
    REQUIRE(answer.data.size() > 5);
    const auto response = proto::decode<RegisterResponse>(codec, BytesView(answer.data).subspan(5));
    REQUIRE(response.has_value());
    CHECK(response->accepted);

    REQUIRE(line.send_call(3, h2::request("GetTasks", good_credentials(), type),
                           proto::encode(codec, GetTasksRequest{})));
    REQUIRE(line.send_call(5, h2::request("Heartbeat", good_credentials(), type),
                           proto::encode(codec, HeartbeatRequest{})));
    CHECK(line.answer(5).grpc_status() == 0);
}
