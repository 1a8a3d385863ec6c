// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "core/auth/once_per_agent.hpp"

namespace ioswarm {
namespace {

using namespace std::chrono_literals;

constexpr Clock::Steady kNow = Clock::Steady(1000s);

}  // namespace

TEST_CASE("each agent waits for the rest of its own interval") {
    OncePerAgent limit(60s);
    CHECK(limit.wait("a", kNow) == 0s);
    limit.note("a", kNow);
    CHECK(limit.wait("a", kNow) == 60s);
    CHECK(limit.wait("a", kNow + 59s) == 1s);
    CHECK(limit.wait("b", kNow) == 0s);
    CHECK(limit.wait("a", kNow + 60s) == 0s);
}

TEST_CASE("an interval of 0 means no limit") {
    OncePerAgent limit(0s);
    limit.note("a", kNow);
    CHECK(limit.wait("a", kNow) == 0s);
    CHECK(limit.remembered() == 0);
}

TEST_CASE("agents are forgotten when their interval is over, and the oldest when there are too many") {
    OncePerAgent limit(60s, 3);
    for (int i = 0; i < 1000; ++i)
        limit.note("agent-" + std::to_string(i), kNow);
    CHECK(limit.remembered() == 3);
    CHECK(limit.wait("agent-996", kNow) == 0s);
    CHECK(limit.wait("agent-997", kNow) == 60s);
    limit.note("a", kNow + 60s);
    CHECK(limit.remembered() == 1);
}

TEST_CASE("an agent that was noted twice waits from the later time on") {
    OncePerAgent limit(60s, 2);
    limit.note("a", kNow);
    limit.note("a", kNow + 1s);
    limit.note("b", kNow + 2s);  // removes the first note of "a"
    CHECK(limit.wait("a", kNow + 2s) == 59s);
}

}  // namespace ioswarm
