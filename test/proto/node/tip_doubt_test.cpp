// SPDX-License-Identifier: Apache-2.0
#include "proto/node/tip_doubt.hpp"

#include <catch2/catch.hpp>

#include <limits>

using ioswarm::proto::TipDoubt;
using namespace std::chrono_literals;

namespace {

struct Doubt {
    TipDoubt tips{5s};
    TipDoubt::Time now{1h};

    std::uint64_t tell(std::uint64_t height, std::chrono::milliseconds after = 100ms) {
        now += after;
        return tips.take(height, now);
    }
};

}  // namespace

TEST_CASE("tip doubt: the first height is believed, and each that rises by up to 12 blocks") {
    Doubt doubt;
    CHECK(doubt.tell(1'000) == 1'000);
    CHECK(doubt.tell(1'001) == 1'001);
    CHECK(doubt.tell(1'013) == 1'013);
    CHECK(doubt.tell(1'010) == 1'010);
    CHECK(doubt.tips.jumps() == 0);
}

TEST_CASE("tip doubt: after a pause the height may rise by one more block per second") {
    Doubt doubt;
    CHECK(doubt.tell(1'000) == 1'000);
    CHECK(doubt.tell(1'073, 60s) == 1'000);
    doubt.tips.forget();
    CHECK(doubt.tell(1'000) == 1'000);
    CHECK(doubt.tell(1'072, 60s) == 1'072);
}

TEST_CASE("tip doubt: one wrong height changes nothing, and what is told next counts") {
    Doubt doubt;
    CHECK(doubt.tell(1'000) == 1'000);
    CHECK(doubt.tell(std::numeric_limits<std::uint64_t>::max()) == 1'000);
    CHECK(doubt.tell(1'001) == 1'001);
    CHECK(doubt.tips.jumps() == 1);
}

TEST_CASE("tip doubt: a jump is believed after 5 s without contradiction") {
    Doubt doubt;
    CHECK(doubt.tell(1'000) == 1'000);
    CHECK(doubt.tell(5'000) == 1'000);
    CHECK(doubt.tell(5'003, 4'999ms) == 1'000);
    CHECK(doubt.tell(5'004, 1ms) == 5'004);
    CHECK(doubt.tips.jumps() == 1);
    CHECK(doubt.tell(5'005) == 5'005);
}

TEST_CASE("tip doubt: each contradiction starts the 5 s again") {
    Doubt doubt;
    CHECK(doubt.tell(1'000) == 1'000);
    for (int i = 0; i < 100; ++i) {
        CHECK(doubt.tell(1'001'000) == 1'000);
        CHECK(doubt.tell(1'000) == 1'000);
    }
    CHECK(doubt.tips.jumps() == 100);
    // A lower jump contradicts a higher one too.
    CHECK(doubt.tell(1'001'000) == 1'000);
    CHECK(doubt.tell(5'000, 3s) == 1'000);
    CHECK(doubt.tell(5'000, 3s) == 1'000);
    CHECK(doubt.tell(5'000, 3s) == 5'000);
}

TEST_CASE("tip doubt: a node that catches up quickly is followed in steps, and its last word may be wrong") {
    Doubt doubt;
    CHECK(doubt.tell(1'000) == 1'000);
    CHECK(doubt.tell(5'000) == 1'000);
    CHECK(doubt.tell(5'500, 3s) == 1'000);
    // The node has told at least block 5,000 for 5 s. Block 1,000,000 is another jump.
    CHECK(doubt.tell(1'000'000, 3s) == 5'000);
    CHECK(doubt.tell(5'600) == 5'000);
    CHECK(doubt.tell(5'700, 5s) == 5'600);
}

TEST_CASE("tip doubt: several nodes that are some blocks apart confirm a jump together") {
    Doubt doubt;
    CHECK(doubt.tell(1'000) == 1'000);
    for (int i = 0; i < 10; ++i)
        CHECK(doubt.tell(i % 2 == 0 ? 5'000 : 4'990, 500ms) == 1'000);
    CHECK(doubt.tell(5'000, 500ms) == 5'000);
}

TEST_CASE("tip doubt: a lower height is passed on at once, and lowers what is believed after 5 s") {
    Doubt doubt;
    CHECK(doubt.tell(1'001'000) == 1'001'000);  // wrong, but the first
    CHECK(doubt.tell(1'000) == 1'000);
    CHECK(doubt.tell(1'001'000) == 1'001'000);
    CHECK(doubt.tell(1'000) == 1'000);
    CHECK(doubt.tell(1'002, 5s) == 1'002);
    CHECK(doubt.tell(1'001'000) == 1'002);
}

TEST_CASE("tip doubt: after the node was away its height is believed at once") {
    Doubt doubt;
    CHECK(doubt.tell(1'000) == 1'000);
    doubt.tips.forget();
    CHECK(doubt.tell(9'000) == 9'000);
}
