// SPDX-License-Identifier: Apache-2.0

// Connections from a proxy that carry many agents, and also the calls of strangers.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/agent_port/agent_server.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/grpc_client.hpp"
#include "test/support/h2_raw.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using std::chrono::milliseconds;

namespace {

/// A server on a free loopback port, with a fake coordinator behind it. Loopback connections count as proxies.
struct ServedToProxy {
    explicit ServedToProxy(proto::AgentServerSettings settings = {}) {
        settings.metrics = metrics;
        settings.address = "127.0.0.1";
        auto started = proto::AgentServer::start(settings, link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    [[nodiscard]] std::uint16_t port() const { return server->port(); }

    FakeAgentLink link;
    std::unique_ptr<AccessControl> access = AccessControl::open({kMasterSecret, "", ""}).value();
    metrics::Registry metrics;
    std::unique_ptr<proto::AgentServer> server;
};

}  // namespace

TEST_CASE("when a proxy puts all agents on one connection, their streams leave room for heartbeats",
          "[server]") {
    constexpr int kAgents = 150;
    proto::AgentServerSettings settings;
    settings.streams_per_connection = 4 * kAgents;
    const ServedToProxy served(settings);
    // Given agents that all use one connection, each with an open task stream
    GrpcClient proxy(served.port());
    std::vector<std::unique_ptr<GrpcStream>> streams;
    for (int i = 0; i < kAgents; ++i) {
        const auto headers = credentials_of("agent-" + std::to_string(i), kMasterSecret);
        REQUIRE(proxy.call("Register", {}, headers).status.ok());
        streams.push_back(proxy.stream("GetTasks", {}, headers));
    }
    // When one of them sends a heartbeat, then it is answered.
    CHECK(proxy.call("Heartbeat", {}, credentials_of("agent-0", kMasterSecret)).status.ok());
    CHECK(served.metrics.value("connections_open") == 1);
}

TEST_CASE("the number of calls per connection changes for new connections, and open ones keep theirs",
          "[server]") {
    constexpr std::uint16_t kMaxConcurrentStreams = 3;  // RFC 9113 section 6.5.2
    const auto announced = [](std::uint16_t port) {
        H2Raw client(port);
        REQUIRE(client.begin());
        for (;;) {
            const auto frame = client.next_frame(std::chrono::seconds(60));
            if (!frame) FAIL("the server sent no SETTINGS");
            if (frame->type != h2::Type::settings || (frame->flags & h2::kAck) != 0) continue;
            for (std::size_t at = 0; at + 6 <= frame->payload.size(); at += 6) {
                const auto byte = [&](std::size_t i) { return std::uint32_t{frame->payload[at + i]}; };
                if ((byte(0) << 8 | byte(1)) == kMaxConcurrentStreams)
                    return byte(2) << 24 | byte(3) << 16 | byte(4) << 8 | byte(5);
            }
            FAIL("SETTINGS without a number of streams");
        }
    };
    const ServedToProxy served;
    GrpcClient open_before(served.port());
    const auto headers = credentials_of("agent-1", kMasterSecret);
    REQUIRE(open_before.call("Register", {}, headers).status.ok());
    CHECK(announced(served.port()) == 100);
    for (const std::uint32_t streams : {250U, 100U, 250U}) {
        REQUIRE(served.server->change_streams_per_connection(streams));
        CHECK(announced(served.port()) == streams);
    }
    CHECK(open_before.call("Heartbeat", {}, headers).status.ok());
    // A connection of the second server is ended with the others.
    GrpcClient opened_after(served.port());
    CHECK(opened_after.call("Heartbeat", {}, headers).status.ok());
    served.server->shutdown(milliseconds(0));
    CHECK_FALSE(opened_after.call("Heartbeat", {}, headers).status.ok());
}

TEST_CASE("a number of calls per connection that changes again and again is refused in the end", "[server]") {
    const ServedToProxy served;
    Status changed;
    for (std::uint32_t streams = 101; changed && streams < 200; ++streams)
        changed = served.server->change_streams_per_connection(streams);
    REQUIRE_FALSE(changed);
    CHECK(changed.error().hint == "restart ioswarm serve");
}

TEST_CASE("the log names an agent behind a proxy by the address that the proxy names", "[server]") {
    const TempDir dir;
    const std::string revoked = dir.write("revoked", "agent-1\n");
    const auto access = AccessControl::open({kMasterSecret, "", revoked}).value();
    std::mutex mutex;
    std::vector<std::string> lines;
    FakeAgentLink link;
    proto::AgentServerSettings settings;
    settings.address = "127.0.0.1";
    const auto server = proto::AgentServer::start(settings, link, *access,
                                                  Log(LogLevel::info,
                                                      [&](LogLevel, std::string_view line) {
                                                          const std::lock_guard lock(mutex);
                                                          lines.emplace_back(line);
                                                      }))
                            .value();
    GrpcClient proxy(server->port());
    Headers headers = credentials_of("agent-1", kMasterSecret);
    headers.emplace_back("x-forwarded-for", "203.0.113.1, 198.51.100.7");
    CHECK(proxy.call("Register", {}, headers).status.error_code() == grpc::StatusCode::PERMISSION_DENIED);
    // The server logs the refusal before it answers.
    const std::lock_guard lock(mutex);
    CHECK(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
        return line.find("agent agent-1 at 198.51.100.7 was refused: ") != std::string::npos;
    }));
}

TEST_CASE("calls without a key do not end a connection with agents", "[server]") {
    const ServedToProxy served;
    GrpcClient proxy(served.port());
    const auto headers = credentials_of("agent-1", kMasterSecret);
    REQUIRE(proxy.call("Register", {}, headers).status.ok());
    // Given a proxy that carries an agent and thousands of strangers on one connection
    std::atomic<bool> over{false};
    std::atomic<int> refused{0};
    std::vector<std::jthread> strangers;
    for (int i = 0; i < 4; ++i) {
        strangers.emplace_back([&] {
            while (!over) {
                const auto status = proxy.call("Heartbeat", {}, {}).status;
                refused += status.error_code() == grpc::StatusCode::UNAUTHENTICATED ? 1 : 0;
            }
        });
    }
    // When the strangers have sent far more than any agent would, then the agent's calls are still answered.
    constexpr int kStrangersCalls = 4'000;
    int failed = 0;
    while (refused < kStrangersCalls && failed == 0)
        failed += proxy.call("Heartbeat", {}, headers).status.ok() ? 0 : 1;
    over = true;
    strangers.clear();
    CHECK(failed == 0);
    CHECK(served.metrics.value("connections_accepted") == 1);
    CHECK(served.metrics.value("connections_shut_abusive") == 0);
}

TEST_CASE("a proxy's connection that floods gets GOAWAY first, and its calls are still answered", "[server]") {
    const ServedToProxy served;
    H2Raw proxy(served.port());
    REQUIRE(proxy.begin());
    // Given frames of strangers that belong to no call
    Bytes burst;
    for (int i = 0; i < 100; ++i) {
        const Bytes ping = h2::frame(h2::Type::ping, h2::kAck, 0, Bytes(8, 0));
        burst.insert(burst.end(), ping.begin(), ping.end());
    }
    std::optional<H2Raw::Frame> goaway;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!goaway && std::chrono::steady_clock::now() < until) {
        REQUIRE(proxy.send(burst));
        while (const auto frame = proxy.next_frame(milliseconds(5))) {
            if (frame->type == h2::Type::goaway) goaway = frame;
        }
    }
    // Then a complete GOAWAY frame arrives. It names the highest possible stream and no error.
    REQUIRE(goaway);
    CHECK(goaway->payload == Bytes{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0});
    // When the proxy sent an agent's call before it read the GOAWAY, then that call is answered.
    REQUIRE(proxy.send_call(1, h2::request("Heartbeat", credentials_of("agent-1", kMasterSecret)),
                            proto::encode(proto::Codec::protobuf, HeartbeatRequest{})));
    CHECK(proxy.answer(1).grpc_status() == 0);
    CHECK(served.metrics.value("connections_goaway") == 1);
    CHECK(served.metrics.value("connections_shut_abusive") == 0);
}
