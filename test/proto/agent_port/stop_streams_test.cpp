// SPDX-License-Identifier: Apache-2.0

// How the streams of agents end before a shutdown.

#include <memory>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/agent_port/agent_server.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/grpc_client.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using std::chrono::milliseconds;

namespace {

const std::string kStopSecret = "test-secret";

struct ServedUntilStop {
    ServedUntilStop() {
        proto::AgentServerSettings settings;
        settings.metrics = metrics;
        settings.address = "127.0.0.1";
        auto started = proto::AgentServer::start(settings, link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }

    FakeAgentLink link;
    std::unique_ptr<AccessControl> access = AccessControl::open({kStopSecret, "", ""}).value();
    metrics::Registry metrics;
    std::unique_ptr<proto::AgentServer> server;
};

}  // namespace

TEST_CASE("before a shutdown all streams end with UNAVAILABLE, and agents can still submit results",
          "[server]") {
    constexpr int kAgents = 30;
    ServedUntilStop served;
    GrpcClient client(served.server->port());
    std::vector<std::unique_ptr<GrpcStream>> streams;
    for (int i = 0; i < kAgents; ++i) {
        const std::string id = "agent-" + std::to_string(i);
        const auto headers = credentials_of(id, kStopSecret);
        REQUIRE(client.call("Register", {}, headers).status.ok());
        streams.push_back(client.stream("GetTasks", {}, headers));
        REQUIRE(served.link.wait_for_stream(id, true));
    }

    served.server->end_streams(milliseconds(100));
    for (const auto& stream : streams) {
        CHECK_FALSE(stream->next());
        CHECK(stream->finish().error_code() == grpc::StatusCode::UNAVAILABLE);
    }
    const auto headers = credentials_of("agent-0", kStopSecret);
    CHECK(client.call("SubmitResults", {}, headers).status.ok());
    CHECK(client.call("Heartbeat", {}, headers).status.ok());
    const auto again = client.stream("GetTasks", {}, headers);
    CHECK_FALSE(again->next());
    CHECK(again->finish().error_code() == grpc::StatusCode::UNAVAILABLE);
    // Another call has nothing left to do.
    served.server->end_streams(std::chrono::hours(1));
}

TEST_CASE("ending streams when there are none takes no time", "[server]") {
    ServedUntilStop served;
    served.server->end_streams(std::chrono::hours(1));
    CHECK(served.metrics.value("task_streams_open") == 0);
}
