// SPDX-License-Identifier: Apache-2.0
// Programs at the other end that take a connection and then never say what is waited for. Every wait has an
// end.
#include <catch2/catch.hpp>

#include "core/base/bytes.hpp"
#include "proto/diffs/probe.hpp"
#include "test/support/fake_diff_node.hpp"
#include "test/support/scripted_http.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using proto::DiffPeer;
using proto::DiffSubscription;
using proto::H2Client;

namespace {

std::string frame(std::uint8_t type, std::string_view payload) {
    std::string out{0, 0, static_cast<char>(payload.size()), static_cast<char>(type), 0, 0, 0, 0, 0};
    return out.append(payload);
}

/// Says nothing at all.
bool stay_silent(HttpConnection& connection, const std::string&) {
    connection.wait_over();
    return false;
}

/// Speaks HTTP/2, and sends PINGs as fast as the client takes them.
bool flood_with_pings(HttpConnection& connection, const std::string&) {
    constexpr std::uint8_t kSettings = 4;
    constexpr std::uint8_t kPing = 6;
    std::string pings;
    for (int i = 0; i < 500; ++i)
        pings += frame(kPing, "12345678");
    connection.send(frame(kSettings, ""));
    while (connection.send(pings))
        connection.discard();
    return false;
}

TcpTarget target_of(const ScriptedHttp& server) {
    const std::string url = server.url();
    return {"127.0.0.1", static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))), {}};
}

DiffPeer peer_of(TcpTarget target) {
    DiffPeer peer;
    peer.target = std::move(target);
    peer.agent_id = "probe";
    return peer;
}

Error refusal_of_probe(const ScriptedHttp& server, std::chrono::milliseconds duration,
                       std::chrono::milliseconds first_word) {
    proto::DiffProbeOptions options;
    options.peer = peer_of(target_of(server));
    options.peer.http2.first_word_timeout = first_word;
    options.duration = duration;
    options.between_streams = 1ms;
    const auto probed = proto::probe_diffs(options, [](const StateDiff&, const proto::DiffProbe&) {}, {});
    REQUIRE_FALSE(probed);
    return probed.error();
}

}  // namespace

TEST_CASE("given a peer that floods with PINGs, when a diff is waited for, then the wait ends in time",
          "[diffs][odd]") {
    const ScriptedHttp server(flood_with_pings);
    auto stream = DiffSubscription::open(peer_of(target_of(server)), 0, {});
    REQUIRE(stream);
    const auto diff = stream->next(500ms, {});
    REQUIRE_FALSE(diff);
    CHECK(diff.error().code == ErrorCode::timed_out);
}

TEST_CASE("given a peer that floods with PINGs, when it is probed, then the duration is kept", "[diffs][odd]") {
    const ScriptedHttp server(flood_with_pings);
    const Error error = refusal_of_probe(server, 2s, 10s);
    CHECK(error.code == ErrorCode::failed_check);
    CHECK_THAT(error.why, Catch::Contains("none came in 2s"));
}

TEST_CASE("given a stream whose messages never end, when its end is waited for, then the wait ends in time",
          "[diffs][odd]") {
    FakeDiffNode::Steps steps{accept_step()};
    for (std::uint64_t height = 1; height <= 1000; ++height)
        steps.push_back(diff_step(small_diff(height)));
    const FakeDiffNode node([&](const FakeDiffNode::Asked&, std::size_t) { return steps; });
    const auto client = H2Client::connect({"127.0.0.1", node.port(), {}}, 20s).value();
    proto::H2Request request;
    request.path = "/ioswarm.IOSwarm/StreamStateDiffs";
    request.body = proto::grpc_frame(as_bytes("{}"));
    const auto stream = client->open(request).value();
    REQUIRE(client->next(stream, 20s).value().has_value());
    const auto ended = client->finish(stream, 0ms);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code == ErrorCode::timed_out);
}

TEST_CASE("given a port that accepts and says nothing, when it is probed, then the reason says that",
          "[diffs][odd]") {
    const ScriptedHttp server(stay_silent);
    SECTION("for longer than its first word may take") {
        const Error error = refusal_of_probe(server, 1h, 300ms);
        CHECK(error.code == ErrorCode::unavailable);
        CHECK_THAT(error.why, Catch::Contains("accepts connections, but does not answer as a coordinator: "
                                              "nothing came in 300ms"));
        CHECK_THAT(error.hint, Catch::Contains("--tls"));
        CHECK(server.connections() == 1);
    }
    SECTION("until the time of the probe is over") {
        const Error error = refusal_of_probe(server, 300ms, 1h);
        CHECK(error.code == ErrorCode::unavailable);
        CHECK_THAT(error.why, Catch::Contains("accepts connections, but does not answer as a coordinator"));
    }
}

TEST_CASE("given a port that accepts and says nothing, when TLS is wanted, then the reason says that",
          "[diffs][odd]") {
    const ScriptedHttp server(stay_silent);
    DiffPeer peer = peer_of(target_of(server));
    peer.target.tls.emplace();
    peer.connect_timeout = 300ms;
    const auto stream = DiffSubscription::open(peer, 0, {});
    REQUIRE_FALSE(stream);
    CHECK(stream.error().code == ErrorCode::unavailable);
    CHECK_THAT(stream.error().why, Catch::Contains("accepts connections, but does not answer"));
}
