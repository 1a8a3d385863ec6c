// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thread>

#include <catch2/catch.hpp>

#include "core/ports/clock.hpp"

namespace ioswarm::test {

/// The contract of core/ports/clock.hpp. Call inside a TEST_CASE.
inline void clock_contract(const Clock& clock) {
    SECTION("steady time never goes back") {
        auto before = clock.steady();
        for (int i = 0; i < 1000; ++i) {
            const auto now = clock.steady();
            REQUIRE(now >= before);
            before = now;
        }
    }
    SECTION("wall time is a date: after this code was written") {
        CHECK(clock.wall() >= Clock::Wall(std::chrono::seconds(1767225600)));
    }
    SECTION("any thread may ask, and none sees an earlier steady time than one that asked before it started") {
        const auto before = clock.steady();
        Clock::Steady seen{};
        std::jthread([&] { seen = clock.steady(); }).join();
        CHECK(seen >= before);
    }
}

}  // namespace ioswarm::test
