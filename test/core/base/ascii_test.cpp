// SPDX-License-Identifier: Apache-2.0
#include "core/base/ascii.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

TEST_CASE("only ASCII letters change their case") {
    CHECK(to_lower_ascii('A') == 'a');
    CHECK(to_lower_ascii('Z') == 'z');
    CHECK(to_upper_ascii('a') == 'A');
    CHECK(to_upper_ascii('z') == 'Z');
    for (const char c : {'@', '[', '`', '{', '0', '-', '\xc4', '\xe4', '\0'}) {
        CHECK(to_lower_ascii(c) == c);
        CHECK(to_upper_ascii(c) == c);
    }
}

TEST_CASE("a hex digit has a value from 0 to 15, everything else has none") {
    CHECK(hex_digit_value('0') == 0);
    CHECK(hex_digit_value('9') == 9);
    CHECK(hex_digit_value('a') == 10);
    CHECK(hex_digit_value('F') == 15);
    for (const char c : {'g', 'G', '/', ':', '@', '`', ' ', '\xe1', '\0'})
        CHECK(hex_digit_value(c) == -1);
}
