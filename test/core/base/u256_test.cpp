// SPDX-License-Identifier: Apache-2.0
#include "core/base/u256.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

namespace {
constexpr const char* kMax =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";  // 2^256-1
}

TEST_CASE("decimal: 2^256-1 is the largest number that is read") {
    REQUIRE(u256_from_decimal(kMax).has_value());
    CHECK(to_decimal(*u256_from_decimal(kMax)) == kMax);
    CHECK_FALSE(
        u256_from_decimal("115792089237316195423570985008687907853269984665640564039457584007913129639936"));
    CHECK_FALSE(u256_from_decimal(std::string(79, '0')));
    CHECK_FALSE(u256_from_decimal(""));
    CHECK_FALSE(u256_from_decimal("-1"));
}

TEST_CASE("big-endian: 0 is no bytes, leading zeros are left out, 33 bytes are refused") {
    CHECK(to_big_endian(0).empty());
    CHECK(to_big_endian(256) == Bytes{1, 0});
    CHECK(u256_from_big_endian(Bytes{0, 1, 0}) == U256(256));
    CHECK_FALSE(u256_from_big_endian(Bytes(33, 0)));
    CHECK(to_word(1).bytes[31] == 1);
}

TEST_CASE("quantity: numbers are read and written as JSON-RPC has them") {
    CHECK(to_quantity(0) == "0x0");
    CHECK(to_quantity(4689) == "0x1251");
    CHECK(u256_from_quantity("0x1251") == U256(4689));
    CHECK(u256_from_quantity("0x" + std::string(64, 'f')) == u256_from_decimal(kMax));
    for (const char* text : {"", "0x", "1251", "0x0x12", "0xg", "-0x1"}) {
        INFO(text);
        CHECK_FALSE(u256_from_quantity(text));
    }
    CHECK_FALSE(u256_from_quantity("0x" + std::string(65, '0')));
}
