// SPDX-License-Identifier: Apache-2.0
#include "core/base/u256.hpp"

#include <cstdlib>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "core/base/u512.hpp"
#include "test/support/hard_numbers.hpp"

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

TEST_CASE("quantity: numbers are read and written as in JSON-RPC") {
    CHECK(to_quantity(0) == "0x0");
    CHECK(to_quantity(4689) == "0x1251");
    CHECK(u256_from_quantity("0x1251") == U256(4689));
    CHECK(u256_from_quantity("0X0012") == U256(0x12));
    CHECK(u256_from_quantity("0x" + std::string(64, 'f')) == u256_from_decimal(kMax));
    for (const char* text : {"", "0x", "1251", "0x0x12", "0xg", "-0x1"}) {
        INFO(text);
        CHECK_FALSE(u256_from_quantity(text));
    }
    CHECK_FALSE(u256_from_quantity("0x" + std::string(65, '0')));
}

TEST_CASE("a U256 computes like Boost's numbers, modulo 2^256") {
    const U512 wrap = U512(1) << 256;
    test::HardNumbers numbers;
    for (int i = 0; i < 20'000; ++i) {
        const U256 x = numbers.next();
        const U256 y = numbers.next();
        const U512 a = to_u512(x);
        const U512 b = to_u512(y);
        CAPTURE(x, y);
        REQUIRE(to_decimal(x) == a.str());
        REQUIRE(u256_from_decimal(a.str()) == x);
        REQUIRE(to_u256(a) == x);
        REQUIRE(to_u512(x + y) == (a + b) % wrap);
        REQUIRE(to_u512(x - y) == (a + wrap - b) % wrap);
        REQUIRE(to_u512(x * y) == a * b % wrap);
        if (y != 0) {
            REQUIRE(to_u512(x / y) == a / b);
            REQUIRE(to_u512(x % y) == a % b);
        }
        REQUIRE(to_u512(x & y) == (a & b));
        REQUIRE(to_u512(x | y) == (a | b));
        REQUIRE(to_u512(~x) == wrap - 1 - a);
        const auto bits = static_cast<unsigned>(i % 260);
        REQUIRE(to_u512(x << bits) == (a << bits) % wrap);
        REQUIRE(to_u512(x >> bits) == a >> bits);
        REQUIRE((x < y) == (a < b));
        REQUIRE((x == y) == (a == b));
        REQUIRE((x >= y) == (a >= b));
        REQUIRE(static_cast<double>(x) == std::strtod(a.str().c_str(), nullptr));
        REQUIRE(u256_from_big_endian(to_big_endian(x)) == x);
        REQUIRE(u256_from_quantity(to_quantity(x)) == x);
    }
}

TEST_CASE("a U256 starts at 0 and wraps, and its division by 0 throws") {
    CHECK(U256() == 0);
    CHECK(U256(-1) == *u256_from_decimal(kMax));
    CHECK(*u256_from_decimal(kMax) + 1 == 0);
    CHECK(static_cast<std::uint64_t>((U256(7) << 64) + 5) == 5);
    U256 value = 7;
    value *= 6;
    value -= 2;
    value /= 4;
    CHECK(++value == 11);
    CHECK(--value == 10);
    CHECK_THROWS_AS(U256(1) / U256(), std::domain_error);
    CHECK_THROWS_AS(U256(1) % U256(), std::domain_error);
}
