// SPDX-License-Identifier: Apache-2.0
#include "core/net/percent_encoding.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

TEST_CASE("a text is one segment of a URL, whatever it holds") {
    CHECK(percent_encoded("agent-1._~Z") == "agent-1._~Z");
    CHECK(percent_encoded("a/b?c=d&e f") == "a%2Fb%3Fc%3Dd%26e%20f");
    CHECK(percent_encoded("100%") == "100%25");
    CHECK(percent_encoded("caf\xc3\xa9") == "caf%C3%A9");
    CHECK(percent_encoded("").empty());
}
