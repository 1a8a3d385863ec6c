// SPDX-License-Identifier: Apache-2.0
#include "core/base/unix_time.hpp"

#include <catch2/catch.hpp>

#include "core/base/text.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;

TEST_CASE("times become milliseconds since 1970 and back") {
    const auto time = parse_rfc3339("2026-11-22T16:58:44Z");
    REQUIRE(time);
    CHECK(unix_ms(*time) == 1'795'366'724'000);
    CHECK(unix_ms(*time + 999'999us) == 1'795'366'724'999);
    CHECK(time_of_unix_ms(1'795'366'724'000) == *time);
    CHECK(unix_ms({}) == 0);
}
