// SPDX-License-Identifier: Apache-2.0
#include "core/base/ip_network.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

namespace {

bool is_in(const std::string& network, const std::string& address) {
    const auto parsed = IpNetwork::parse(network);
    const auto ip = parse_ip(address);
    REQUIRE(parsed.has_value());
    REQUIRE(ip.has_value());
    return parsed->contains(*ip);
}

}  // namespace

TEST_CASE("a network contains the addresses that share its first bits", "[net]") {
    CHECK(is_in("192.0.2.1", "192.0.2.1"));
    CHECK_FALSE(is_in("192.0.2.1", "192.0.2.2"));
    CHECK(is_in("192.0.2.128/25", "192.0.2.255"));
    CHECK_FALSE(is_in("192.0.2.128/25", "192.0.2.127"));
    CHECK(is_in("10.1.2.3/8", "10.255.0.1"));
    CHECK(is_in("0.0.0.0/0", "203.0.113.9"));
    CHECK_FALSE(is_in("0.0.0.0/0", "2001:db8::1"));
    CHECK(is_in("2001:db8::/32", "2001:db8:ffff::1"));
    CHECK_FALSE(is_in("2001:db8::/32", "2001:db9::1"));
    CHECK(is_in("::/0", "192.0.2.1"));
    CHECK(is_in("192.0.2.1", "::ffff:192.0.2.1"));
}

TEST_CASE("text that is neither an address nor a network is refused", "[net]") {
    for (const char* text : {"", "localhost", "192.0.2", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/x",
                             "192.0.2.1/-1", "192.0.2.1/8/8", "[::1]", "::1/129", "192.0.2.1 /8", "/8"}) {
        INFO(text);
        CHECK_FALSE(IpNetwork::parse(text).has_value());
    }
}

TEST_CASE("a list of networks is separated by commas or spaces", "[net]") {
    const auto list = IpNetwork::parse_list(" 192.0.2.1, 10.0.0.0/8,::1 ");
    REQUIRE(list.has_value());
    CHECK(list->size() == 3);
    CHECK(contains(*list, *parse_ip("10.9.8.7")));
    CHECK_FALSE(contains(*list, *parse_ip("192.0.2.2")));
    CHECK(IpNetwork::parse_list("")->empty());
    CHECK(IpNetwork::parse_list("192.0.2.1,nginx").error().which == "nginx");
}

TEST_CASE("127.0.0.0/8 and ::1 are loopback addresses", "[net]") {
    for (const char* text : {"127.0.0.1", "127.255.255.254", "::ffff:127.0.0.1", "::1"})
        CHECK(is_loopback(*parse_ip(text)));
    for (const char* text : {"126.0.0.1", "128.0.0.1", "::2", "::", "::127.0.0.1", "fe80::1"})
        CHECK_FALSE(is_loopback(*parse_ip(text)));
}

TEST_CASE("addresses are printed in their usual short form", "[ip]") {
    for (const std::string text : {"192.0.2.1", "2001:db8::1", "::1", "127.0.0.1", "::"})
        CHECK(ip_text(parse_ip(text).value()) == text);
    CHECK(ip_text(parse_ip("::ffff:192.0.2.1").value()) == "192.0.2.1");
}

TEST_CASE("one customer has one IPv4 address, or a /64 of IPv6", "[ip]") {
    CHECK(ip_text(network_of(parse_ip("192.0.2.1").value())) == "192.0.2.1");
    CHECK(ip_text(network_of(parse_ip("2001:db8:1:2:3:4:5:6").value())) == "2001:db8:1:2::");
}

TEST_CASE("the text of an address is loopback as the address is, and a name never is") {
    for (const char* text : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"})
        CHECK(is_loopback(std::string_view(text)));
    for (const char* text : {"128.0.0.1", "::2", "0.0.0.0", "localhost", "127.0.0.1 ", "127.1", "[::1]", ""})
        CHECK_FALSE(is_loopback(std::string_view(text)));
}
