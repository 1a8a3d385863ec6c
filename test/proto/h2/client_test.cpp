// SPDX-License-Identifier: Apache-2.0
// Our HTTP/2 client and gRPC C++'s server, without and with TLS.
#include "proto/h2/client.hpp"

#include <catch2/catch.hpp>

#include "proto/agent_port/agent_server.hpp"
#include "proto/codec/codec.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using proto::Codec;
using proto::H2Client;
using proto::H2Request;

namespace {

struct TlsServer {
    explicit TlsServer(bool tls) : access(AccessControl::open({"", "", ""}).value()) {
        proto::AgentServerSettings settings;
        settings.address = "127.0.0.1";
        if (tls) settings.tls_cert_file = IOSWARM_TEST_DATA "/tls/first.crt";
        if (tls) settings.tls_key_file = IOSWARM_TEST_DATA "/tls/first.key";
        auto started = proto::AgentServer::start(settings, link, *access, Log());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    [[nodiscard]] TcpTarget target() const { return {"127.0.0.1", server->port(), {}}; }
    [[nodiscard]] TcpTarget tls_target(const std::string& roots, const std::string& name = {}) const {
        TcpTarget out = target();
        out.tls = TlsClientSettings{name, read_data("tls/" + roots), {}};
        return out;
    }

    FakeAgentLink link;
    std::unique_ptr<AccessControl> access;
    std::unique_ptr<proto::AgentServer> server;
};

H2Request registration(const std::string& id) {
    RegisterRequest join;
    join.agent_id = id;
    H2Request request;
    request.path = "/ioswarm.IOSwarm/Register";
    request.body = proto::grpc_frame(proto::encode(Codec::json, join));
    return request;
}

}  // namespace

TEST_CASE("calls go over TLS when the certificate is for the host and has a trusted root", "[h2][tls]") {
    const TlsServer served(true);
    // Empty: the address itself; otherwise another name for it.
    const std::string name = GENERATE("", "localhost");
    const auto client = H2Client::connect(served.tls_target("first.crt", name), 20s);
    INFO((client ? "" : client.error().text()));
    REQUIRE(client);
    for (int i = 0; i < 3; ++i) {
        const auto answer = (*client)->call(registration("agent-01")).value();
        CHECK(answer.status.grpc_status == 0);
        REQUIRE(answer.messages.size() == 1);
        CHECK(proto::decode<RegisterResponse>(Codec::json, answer.messages[0]).value().accepted);
    }
}

TEST_CASE("an untrusted certificate is refused, with the reason", "[h2][tls]") {
    const TlsServer served(true);
    const auto stranger = H2Client::connect(served.tls_target("second.crt"), 20s);
    REQUIRE_FALSE(stranger);
    CHECK(stranger.error().code == ErrorCode::unavailable);
    CHECK_THAT(stranger.error().why, Catch::Contains("the certificate is refused"));
    CHECK_THAT(stranger.error().hint, Catch::Contains("SSL_CERT_FILE"));
    const auto misnamed = H2Client::connect(served.tls_target("first.crt", "elsewhere.example"), 20s);
    REQUIRE_FALSE(misnamed);
    CHECK_THAT(misnamed.error().why, Catch::Contains("the certificate is refused"));
}

TEST_CASE("TLS on only one side is an error that says so", "[h2][tls]") {
    const TlsServer plain(false);
    const auto to_plain = H2Client::connect(plain.tls_target("first.crt"), 20s);
    REQUIRE_FALSE(to_plain);
    CHECK(to_plain.error().code == ErrorCode::unavailable);

    const TlsServer secured(true);
    const auto in_clear = H2Client::connect(secured.target(), 20s);
    REQUIRE(in_clear);
    const auto answer = (*in_clear)->call(registration("agent-01"));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == ErrorCode::unavailable);
}

TEST_CASE("an invalid root certificate is bad data", "[h2][tls]") {
    TcpTarget target{"127.0.0.1", 1, TlsClientSettings{"", "no certificate", {}}};
    const TlsServer served(true);
    target.port = served.server->port();
    CHECK(H2Client::connect(target, 20s).error().code == ErrorCode::bad_data);
}

TEST_CASE("a call without an answer in time is given up, and the connection stays usable", "[h2]") {
    TlsServer served(false);
    const auto client = H2Client::connect(served.target(), 20s).value();
    REQUIRE(client->call(registration("agent-01")));
    H2Request waiting = registration("agent-01");
    waiting.path = "/ioswarm.IOSwarm/GetTasks";
    GetTasksRequest ask;
    ask.agent_id = "agent-01";
    waiting.body = proto::grpc_frame(proto::encode(Codec::json, ask));
    waiting.deadline = 50ms;
    const auto late = client->call(waiting);
    // The server enforces the deadline too. Either side may be first to report it.
    CHECK((late ? late->status.grpc_status == 4 : late.error().code == ErrorCode::timed_out));
    CHECK(client->call(registration("agent-01")).value().status.grpc_status == 0);
}

TEST_CASE("a stopped call is cancelled without waiting", "[h2]") {
    TlsServer served(false);
    const auto client = H2Client::connect(served.target(), 20s).value();
    std::stop_source stop;
    stop.request_stop();
    CHECK(client->call(registration("agent-01"), stop.get_token()).error().code == ErrorCode::cancelled);
    CHECK(H2Client::connect(served.target(), 20s, stop.get_token()).error().code == ErrorCode::cancelled);
}

TEST_CASE("a call on a connection that has ended is an error that says so", "[h2]") {
    auto served = std::make_unique<TlsServer>(false);
    const auto client = H2Client::connect(served->target(), 20s).value();
    REQUIRE(client->call(registration("agent-01")));
    served.reset();
    const auto first = client->call(registration("agent-01"));
    REQUIRE_FALSE(first);
    CHECK(first.error().code == ErrorCode::unavailable);
    CHECK(client->open(registration("agent-01")).error().code == ErrorCode::unavailable);
}
