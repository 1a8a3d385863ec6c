// SPDX-License-Identifier: Apache-2.0
#include "core/base/decimal.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

TEST_CASE("an amount of 0.1 IOTX is read as exactly 10^17 rau") {
    CHECK(iotx_to_rau(*parse_decimal("0.1")) == *u256_from_decimal("100000000000000000"));
    CHECK(iotx_to_rau(*parse_decimal("800")) == *u256_from_decimal("800000000000000000000"));
    CHECK(iotx_to_rau(*parse_decimal("0.000000000000000001")) == 1);
}

TEST_CASE("a decimal is kept exactly and printed in its shortest form") {
    CHECK(to_string(*parse_decimal("99.50")) == "99.5");
    CHECK(to_string(*parse_decimal("0.05")) == "0.05");
    CHECK(to_string(*parse_decimal("007")) == "7");
    CHECK(rau_to_iotx(*u256_from_decimal("450000000000000000")) == "0.45");
    CHECK(rau_to_iotx(1) == "0.000000000000000001");
    CHECK(rau_to_iotx(0) == "0");
}

TEST_CASE("signs, exponents, spaces, bare points and too many digits are refused") {
    for (const char* text : {"", "-1", "+1", "1e3", "1.", ".5", " 1", "1 ", "0x1", "1,5", "1.2.3", "NaN",
                             "0.0000000000000000001"}) {
        INFO(text);
        CHECK_FALSE(parse_decimal(text).has_value());
    }
    CHECK_FALSE(parse_decimal(std::string(60, '9')).has_value());
}
