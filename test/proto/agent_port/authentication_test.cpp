// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/authentication.hpp"

#include <vector>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

const std::string kAuthSecret = "test-secret";

/// The authentication of a port, with agents behind addresses and proxies.
struct Entrance {
    explicit Entrance(const std::string& secret = kAuthSecret)
        : access(AccessControl::open({secret, "", ""}).value()),
          authentication(*access, proxies, Log(LogLevel::info, [this](LogLevel, std::string_view line) {
              lines.emplace_back(line);
          })) {}

    /// Returns the verified id, or the refusal's code and text.
    std::string call(const std::string& address, const std::string& id, const std::string& token,
                     const std::vector<std::string>& forwarded_for = {}) {
        proto::Metadata headers;
        headers.emplace("x-ioswarm-agent-id", id);
        headers.emplace("x-ioswarm-token", token);
        for (const std::string& value : forwarded_for)
            headers.emplace("x-forwarded-for", value);
        const auto checked = authentication.check(headers, parse_ip(address).value(), now);
        return checked ? *checked
                       : std::string(to_string(checked.error().code)) + ": " + checked.error().text();
    }
    void fail_often(const std::string& address, const std::vector<std::string>& forwarded_for = {}) {
        for (std::uint32_t i = 0; i < FailedLogins::kBurst; ++i)
            (void)call(address, "stranger", "iosw_wrong", forwarded_for);
    }

    std::unique_ptr<AccessControl> access;
    ProxyList proxies{IpNetwork::parse_list("10.0.0.0/8").value()};
    std::vector<std::string> lines;
    proto::Authentication authentication;
    proto::Authentication::Time now{1'000s};
};

std::string right_token(const std::string& id) {
    return agent_token(kAuthSecret, id);
}

bool is_limited(const std::string& answer) {
    return answer.starts_with("resource_exhausted: ");
}

}  // namespace

TEST_CASE("an agent is identified by its key, and a wrong key is refused and logged without the key",
          "[authentication]") {
    Entrance entrance;
    CHECK(entrance.call("192.0.2.1", "a", right_token("a")) == "a");
    CHECK(entrance.lines.empty());
    CHECK(entrance.call("192.0.2.1", "a", "iosw_wrong") == "unauthenticated: invalid auth token");
    REQUIRE(entrance.lines.size() == 1);
    CHECK(entrance.lines[0].find("port for agents: 192.0.2.1 as agent a did not authenticate") == 0);
    CHECK(entrance.lines[0].find("iosw_wrong") == std::string::npos);
}

TEST_CASE("an address that failed too often is refused unchecked until it has waited", "[authentication]") {
    Entrance entrance;
    entrance.fail_often("192.0.2.1");
    const std::string refusal = entrance.call("192.0.2.1", "a", right_token("a"));
    CHECK(is_limited(refusal));
    CHECK(refusal.find("192.0.2.1") != std::string::npos);
    CHECK(refusal.find("try again in 1 s") != std::string::npos);
    CHECK(entrance.call("192.0.2.2", "a", right_token("a")) == "a");
    entrance.now += 200ms;
    CHECK(entrance.call("192.0.2.1", "b", right_token("b")) == "b");
}

TEST_CASE("connected agents are not affected by failures of others from the same address", "[authentication]") {
    Entrance entrance;
    REQUIRE(entrance.call("192.0.2.1", "a", right_token("a")) == "a");
    entrance.fail_often("192.0.2.1");
    CHECK(entrance.call("192.0.2.1", "a", right_token("a")) == "a");
    CHECK(is_limited(entrance.call("192.0.2.1", "a", "iosw_wrong")));
}

TEST_CASE("clients behind a proxy are limited one by one, unless the proxy names none", "[authentication]") {
    Entrance entrance;
    entrance.fail_often("10.0.0.1", {"198.51.100.1"});
    CHECK(is_limited(entrance.call("10.0.0.1", "a", right_token("a"), {"198.51.100.1"})));
    CHECK(entrance.call("10.0.0.1", "b", right_token("b"), {"198.51.100.2"}) == "b");
    // Of two headers the later one is the proxy's.
    CHECK(is_limited(entrance.call("10.0.0.1", "c", right_token("c"), {"198.51.100.2", "198.51.100.1"})));
    entrance.fail_often("10.0.0.1");
    entrance.fail_often("127.0.0.1");
    CHECK(entrance.call("10.0.0.1", "d", right_token("d")) == "d");
    CHECK(entrance.call("127.0.0.1", "e", right_token("e")) == "e");
}

TEST_CASE("the log names a proxy's client, and the other end of a direct connection", "[authentication]") {
    const Entrance entrance;
    const auto text = [&](const char* peer, const char* name, const char* value) {
        proto::Metadata headers;
        headers.emplace(name, value);
        return entrance.authentication.client_text(headers, *proto::PeerKey::from_grpc_peer(peer));
    };
    CHECK(text("ipv4:10.0.0.1:4711", "x-forwarded-for", "198.51.100.1") == "198.51.100.1");
    CHECK(text("ipv4:127.0.0.1:4711", "forwarded", "for=198.51.100.1;proto=http") == "198.51.100.1");
    CHECK(text("ipv4:127.0.0.1:4711", "x-other", "198.51.100.1") == "127.0.0.1:4711");
    CHECK(text("ipv4:192.0.2.1:4711", "x-forwarded-for", "198.51.100.1") == "192.0.2.1:4711");
}

TEST_CASE("a client that connects directly cannot name another address", "[authentication]") {
    Entrance entrance;
    entrance.fail_often("192.0.2.1", {"198.51.100.1"});
    CHECK(is_limited(entrance.call("192.0.2.1", "a", right_token("a"), {"198.51.100.1"})));
    CHECK(entrance.call("198.51.100.1", "a", right_token("a")) == "a");
}

TEST_CASE("the list of proxies can change while the port is open", "[authentication]") {
    Entrance entrance;
    // Given a client behind 192.0.2.1, which is no proxy yet: the address that failed is that of the
    // connection.
    entrance.fail_often("192.0.2.1", {"198.51.100.1"});
    REQUIRE(is_limited(entrance.call("192.0.2.1", "a", right_token("a"), {"198.51.100.2"})));
    // When it becomes one, then its clients count one by one, and those of the former proxy no longer do.
    entrance.proxies.replace(IpNetwork::parse_list("192.0.2.1").value());
    CHECK(entrance.call("192.0.2.1", "a", right_token("a"), {"198.51.100.2"}) == "a");
    entrance.fail_often("10.0.0.1", {"198.51.100.3"});
    CHECK(is_limited(entrance.call("10.0.0.1", "b", right_token("b"), {"198.51.100.4"})));
}

TEST_CASE("without a master secret nothing is checked and nobody is limited", "[authentication]") {
    Entrance entrance("");
    for (int i = 0; i < 1'000; ++i)
        REQUIRE(entrance.call("192.0.2.1", "a", "").empty());
    CHECK(entrance.lines.empty());
}
