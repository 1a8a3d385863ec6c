// SPDX-License-Identifier: Apache-2.0
#include "core/base/forwarded_for.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

namespace {

const std::string kNobody = "nobody";

/// The client as text, for a connection from `peer`.
std::string client_text(const std::string& peer, const std::string& header,
                        const std::string& proxies = "10.0.0.0/8") {
    const auto client = client_behind(parse_ip(peer).value(), header, IpNetwork::parse_list(proxies).value());
    return client ? ip_text(*client) : kNobody;
}

}  // namespace

TEST_CASE("a client that connects directly cannot name another address", "[forwarded]") {
    CHECK(client_text("192.0.2.1", "") == "192.0.2.1");
    CHECK(client_text("192.0.2.1", "198.51.100.7") == "192.0.2.1");
    CHECK(client_text("192.0.2.1", "127.0.0.1") == "192.0.2.1");
}

TEST_CASE("behind a proxy the client is the last address in the header that is not a proxy", "[forwarded]") {
    CHECK(client_text("10.0.0.1", "198.51.100.7") == "198.51.100.7");
    CHECK(client_text("127.0.0.1", "198.51.100.7") == "198.51.100.7");
    CHECK(client_text("::1", "2001:db8::7") == "2001:db8::7");
    CHECK(client_text("10.0.0.1", "198.51.100.7, 10.0.0.2,127.0.0.1") == "198.51.100.7");
    // What stands before the last client address may be invented by the client.
    CHECK(client_text("10.0.0.1", "203.0.113.1, 198.51.100.7") == "198.51.100.7");
    CHECK(client_text("10.0.0.1", "nonsense, 198.51.100.7") == "198.51.100.7");
}

TEST_CASE("an address in the header may have a port, as some load balancers write it", "[forwarded]") {
    CHECK(client_text("10.0.0.1", "198.51.100.7:4711") == "198.51.100.7");
    CHECK(client_text("10.0.0.1", " [2001:db8::7]:4711 ") == "2001:db8::7");
    CHECK(client_text("10.0.0.1", "[2001:db8::7]") == "2001:db8::7");
}

TEST_CASE("a proxy gives no client address when the header names none or a program on this machine",
          "[forwarded]") {
    CHECK(client_text("127.0.0.1", "") == kNobody);
    CHECK(client_text("10.0.0.1", "") == kNobody);
    CHECK(client_text("10.0.0.1", "10.0.0.9, 127.0.0.1") == kNobody);
    CHECK(client_text("10.0.0.1", "unknown") == kNobody);
    CHECK(client_text("10.0.0.1", ",") == kNobody);
    CHECK(client_text("10.0.0.1", "[") == kNobody);
}

TEST_CASE("the header Forwarded names the same addresses in another form", "[forwarded]") {
    CHECK(forwarded_addresses("for=192.0.2.60;proto=http;by=203.0.113.43") == "192.0.2.60");
    CHECK(forwarded_addresses("For=\"[2001:db8:cafe::17]:4711\"") == "[2001:db8:cafe::17]:4711");
    CHECK(forwarded_addresses("proto=https; for=192.0.2.43, for=198.51.100.17") == "192.0.2.43,198.51.100.17");
    CHECK(forwarded_addresses("by=\"a,b;for=1.2.3.4\";for=192.0.2.1").starts_with("192.0.2.1"));
    CHECK(forwarded_addresses("").empty());
    // An element without an address hides its client. It must not make another one the client.
    CHECK(forwarded_addresses("for=192.0.2.1, proto=http") == "192.0.2.1,");
    CHECK(client_text("10.0.0.1", forwarded_addresses("for=198.51.100.7, for=10.0.0.2")) == "198.51.100.7");
    CHECK(client_text("10.0.0.1", forwarded_addresses("for=_hidden")) == kNobody);
    CHECK(client_text("10.0.0.1", forwarded_addresses("for=\"")) == kNobody);
}
