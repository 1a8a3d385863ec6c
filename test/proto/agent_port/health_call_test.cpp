// SPDX-License-Identifier: Apache-2.0

// gRPC's health checking protocol on the port for agents. The messages are written out as bytes: a request has
// the service's name as field 1, a response the status as field 1.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/agent_port/agent_server.hpp"
#include "proto/agent_port/health_call.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/grpc_client.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

const std::string kHealthCheck = "/grpc.health.v1.Health/Check";
const std::string kHealthWatch = "/grpc.health.v1.Health/Watch";
const Bytes kServing{0x08, 1};
const Bytes kNotServing{0x08, 2};
const Bytes kServiceUnknown{0x08, 3};

Bytes health_request(const std::string& service) {
    Bytes out{0x0a, static_cast<std::uint8_t>(service.size())};
    out.insert(out.end(), service.begin(), service.end());
    return out;
}

/// A server with a secret. It reports itself as ready while `ready` is true.
struct ServedForHealth {
    ServedForHealth() {
        proto::AgentServerSettings settings;
        settings.metrics = metrics;
        settings.address = "127.0.0.1";
        settings.is_ready = [this] { return ready.load(); };
        auto started = proto::AgentServer::start(settings, link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    [[nodiscard]] std::uint16_t port() const { return server->port(); }

    std::atomic<bool> ready{true};
    FakeAgentLink link;
    std::unique_ptr<AccessControl> access = AccessControl::open({"test-secret", "", ""}).value();
    metrics::Registry metrics;
    std::unique_ptr<proto::AgentServer> server;
};

}  // namespace

TEST_CASE("Check needs no key and follows readiness", "[health]") {
    ServedForHealth served;
    GrpcClient client(served.port());
    for (const std::string service : {"", "ioswarm.IOSwarm"}) {
        const Bytes request = service.empty() ? Bytes{} : health_request(service);
        served.ready = true;
        const auto ready = client.call(kHealthCheck, request);
        CHECK(ready.status.error_message() == "");
        CHECK(ready.message == kServing);
        served.ready = false;
        const auto not_ready = client.call(kHealthCheck, request);
        CHECK(not_ready.status.ok());
        CHECK(not_ready.message == kNotServing);
    }
    CHECK(served.metrics.value("health_checks") == 4);
}

TEST_CASE("Check refuses unknown services, malformed and long requests, and other methods", "[health]") {
    ServedForHealth served;
    GrpcClient client(served.port());
    const auto code = [&](const std::string& method, const Bytes& request) {
        return client.call(method, request).status.error_code();
    };
    CHECK(code(kHealthCheck, health_request("other.Service")) == grpc::StatusCode::NOT_FOUND);
    CHECK(code(kHealthCheck, {0x0a, 5, 'x'}) == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(code(kHealthCheck, {0x08, 1}) == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(code(kHealthCheck, Bytes(2'000, 0)) == grpc::StatusCode::RESOURCE_EXHAUSTED);
    CHECK(code("/grpc.health.v1.Health/List", {}) == grpc::StatusCode::UNIMPLEMENTED);
}

TEST_CASE("Watch sends the status at once and then each change", "[health]") {
    ServedForHealth served;
    GrpcClient client(served.port());
    const auto watch = client.stream(kHealthWatch, {});
    CHECK(watch->next() == kServing);
    served.ready = false;
    CHECK(watch->next() == kNotServing);
    served.ready = true;
    CHECK(watch->next() == kServing);
    CHECK(served.metrics.value("health_watches_open") == 1);
}

TEST_CASE("Watch of an unknown service sends SERVICE_UNKNOWN and stays open", "[health]") {
    ServedForHealth served;
    GrpcClient client(served.port());
    const auto watch = client.stream(kHealthWatch, health_request("other.Service"));
    CHECK(watch->next() == kServiceUnknown);
    CHECK(client.call(kHealthCheck, {}).message == kServing);
    CHECK(served.metrics.value("health_watches_open") == 1);
}

TEST_CASE("a watch ends when its client leaves, and all watches end at a shutdown", "[health]") {
    ServedForHealth served;
    GrpcClient client(served.port());
    {
        const auto watch = client.stream(kHealthWatch, {});
        REQUIRE(watch->next() == kServing);
    }
    const auto watch = client.stream(kHealthWatch, {});
    REQUIRE(watch->next() == kServing);
    // The streams of agents end first; a balancer learns meanwhile that the coordinator is not ready.
    served.ready = false;
    served.server->end_streams(std::chrono::milliseconds(0));
    CHECK(watch->next() == kNotServing);
    served.server->shutdown(std::chrono::seconds(60));
    CHECK_FALSE(watch->next());
    CHECK(watch->finish().error_code() == grpc::StatusCode::UNAVAILABLE);
    CHECK(served.metrics.value("health_watches_open") == 0);
}

TEST_CASE("there are at most 64 watches, and Check still answers", "[health]") {
    ServedForHealth served;
    GrpcClient client(served.port());
    std::vector<std::unique_ptr<GrpcStream>> watches;
    for (std::uint64_t i = 0; i < proto::HealthCall::kMaxWatches; ++i) {
        watches.push_back(client.stream(kHealthWatch, {}));
        REQUIRE(watches.back()->next() == kServing);
    }
    const auto one_more = client.stream(kHealthWatch, {});
    CHECK_FALSE(one_more->next());
    CHECK(one_more->finish().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
    CHECK(client.call(kHealthCheck, {}).message == kServing);
}
