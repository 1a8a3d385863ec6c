// SPDX-License-Identifier: Apache-2.0
#include "core/base/address_table.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

namespace {
IpBytes table_address(const std::string& text) {
    return parse_ip(text).value();
}
}  // namespace

TEST_CASE("an address keeps its value, and a new address starts with a fresh one", "[address-table]") {
    AddressTable<int> table(10, 7);
    CHECK(table.of(table_address("192.0.2.1")) == 7);
    table.of(table_address("192.0.2.1")) = 8;
    CHECK(table.of(table_address("192.0.2.1")) == 8);
    CHECK(table.of(table_address("192.0.2.2")) == 7);
    CHECK(table.size() == 2);
}

TEST_CASE("the addresses of an IPv6 /64 share one entry, IPv4 addresses do not", "[address-table]") {
    AddressTable<int> table(10, 0);
    table.of(table_address("2001:db8::1")) = 5;
    CHECK(table.of(table_address("2001:db8::ffff:2")) == 5);
    CHECK(table.of(table_address("2001:db8:0:1::1")) == 0);
    CHECK(table.size() == 2);
}

TEST_CASE("a full table drops the least recently used address, and counts it", "[address-table]") {
    AddressTable<int> table(2, 0);
    table.of(table_address("192.0.2.1")) = 1;
    table.of(table_address("192.0.2.2")) = 2;
    CHECK(table.of(table_address("192.0.2.1")) == 1);
    table.of(table_address("192.0.2.3")) = 3;
    CHECK(table.size() == 2);
    CHECK(table.dropped() == 1);
    CHECK(table.find(table_address("192.0.2.2")) == nullptr);
    REQUIRE(table.find(table_address("192.0.2.1")) != nullptr);
    CHECK(*table.find(table_address("192.0.2.1")) == 1);
}

TEST_CASE("looking an address up does not count as using it", "[address-table]") {
    AddressTable<int> table(2, 0);
    table.of(table_address("192.0.2.1")) = 1;
    table.of(table_address("192.0.2.2")) = 2;
    CHECK(table.find(table_address("192.0.2.1")) != nullptr);
    (void)table.of(table_address("192.0.2.3"));
    CHECK(table.find(table_address("192.0.2.1")) == nullptr);
}
