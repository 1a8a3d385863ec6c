// SPDX-License-Identifier: Apache-2.0
#include "core/base/rate_limiter.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {
constexpr RateLimiter::Time kStart{1000s};

int allowed(RateLimiter& limiter, RateLimiter::Time from, std::chrono::nanoseconds every, int calls) {
    int count = 0;
    for (int i = 0; i < calls; ++i)
        count += limiter.allow(from + i * every) ? 1 : 0;
    return count;
}
}  // namespace

TEST_CASE("a full bucket lets 20 calls through at once, then one every 100 ms") {
    RateLimiter limiter(10, 20);
    CHECK(allowed(limiter, kStart, 0ns, 30) == 20);
    CHECK_FALSE(limiter.allow(kStart + 99ms));
    CHECK(limiter.allow(kStart + 100ms));
    CHECK_FALSE(limiter.allow(kStart + 199ms));
    CHECK(limiter.allow(kStart + 200ms));
}

TEST_CASE("asking for the time until the next token takes no token") {
    RateLimiter limiter(10, 2);
    CHECK(limiter.wait(kStart) == 0ns);
    CHECK(allowed(limiter, kStart, 0ns, 2) == 2);
    CHECK(limiter.wait(kStart) == 100ms);
    CHECK(limiter.wait(kStart + 60ms) == 40ms);
    CHECK(limiter.wait(kStart + 100ms) == 0ns);
    CHECK(limiter.allow(kStart + 100ms));
}

TEST_CASE("a pause refills the bucket up to its size and no further") {
    RateLimiter limiter(10, 20);
    CHECK(allowed(limiter, kStart, 0ns, 20) == 20);
    CHECK(allowed(limiter, kStart + 1h, 0ns, 30) == 20);
}

TEST_CASE("a caller that asks every 80 ms gets ten tokens per second for ever", "[defect-37]") {
    RateLimiter limiter(10, 20);
    // 12.5 calls per second for 100 s: 20 from the burst, then exactly 10 per second.
    CHECK(allowed(limiter, kStart, 80ms, 1251) == 20 + 1000);
}

TEST_CASE("fractions of a token are never lost, at whatever times callers ask", "[defect-37]") {
    RateLimiter limiter(10, 20);
    CHECK(allowed(limiter, kStart, 0ns, 20) == 20);
    // 1 ns less than a token, a hundred times. A limiter that rounds down would allow none.
    int count = 0;
    for (int i = 1; i <= 100; ++i) {
        count += limiter.allow(kStart + i * (100ms - 1ns)) ? 1 : 0;
    }
    CHECK(count == 99);
}
