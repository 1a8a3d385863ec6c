// SPDX-License-Identifier: Apache-2.0
#include "core/model/block_time.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

std::int64_t after(std::chrono::milliseconds block, std::chrono::milliseconds interval,
                   std::uint64_t blocks = 1) {
    return later_block_time(std::chrono::system_clock::time_point(block), interval, blocks).count();
}

}  // namespace

TEST_CASE("on mainnet the next block's time is 2 s and 3 s later in turn, with or without the fraction") {
    CHECK(after(1'800'000'000s, kIotexBlockInterval) == 1'800'000'002);
    CHECK(after(1'800'000'002'500ms, kIotexBlockInterval) == 1'800'000'005);
    CHECK(after(1'800'000'002s, kIotexBlockInterval) == 1'800'000'005);
    CHECK(after(1'800'000'005s, kIotexBlockInterval) == 1'800'000'007);
    CHECK(after(1'800'000'007s, kIotexBlockInterval) == 1'800'000'010);
}

TEST_CASE("the time of a later block counts the fractions of all blocks between") {
    for (std::uint64_t blocks = 0; blocks < 9; ++blocks) {
        const auto exact = 1'800'000'002'500ms + kIotexBlockInterval * static_cast<std::int64_t>(blocks);
        const auto whole = std::chrono::floor<std::chrono::seconds>(exact).count();
        CHECK(after(1'800'000'002'500ms, kIotexBlockInterval, blocks) == whole);
        CHECK(after(1'800'000'002s, kIotexBlockInterval, blocks) == whole);
    }
}

TEST_CASE("on other chains the interval is added as it is, and the sum is rounded down") {
    CHECK(after(1'800'000'002s, 5s) == 1'800'000'007);
    CHECK(after(1'800'000'002'900ms, 1s) == 1'800'000'003);
    CHECK(after(1'800'000'002'900ms, 100ms) == 1'800'000'003);
    CHECK(after(1'800'000'002s, 10ms) == 1'800'000'002);
}
