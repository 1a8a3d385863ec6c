// SPDX-License-Identifier: Apache-2.0
#include "core/base/byte_order.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

TEST_CASE("keys are ordered byte by byte, as unsigned numbers") {
    CHECK(bytes_less(Bytes{1, 2}, Bytes{1, 3}));
    CHECK(bytes_less(Bytes{0x7f}, Bytes{0x80}));
    CHECK_FALSE(bytes_less(Bytes{0x80}, Bytes{0x7f}));
}

TEST_CASE("a key comes before those that begin with it") {
    CHECK(bytes_less(Bytes{}, Bytes{0}));
    CHECK(bytes_less(Bytes{1}, Bytes{1, 0}));
    CHECK(std::is_gt(compare_bytes(Bytes{1, 0}, Bytes{1})));
}

TEST_CASE("equal keys compare as equal, and so do empty ones") {
    CHECK(std::is_eq(compare_bytes(Bytes{1, 2}, Bytes{1, 2})));
    CHECK(std::is_eq(compare_bytes(Bytes{}, Bytes{})));
}
