// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/load_index.hpp"
#include "test/support/task_levels.hpp"

#include <map>
#include <random>

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

const auto kAnyone = [](LoadIndex::Slot) { return true; };
}  // namespace

TEST_CASE("the index finds the least loaded agent of the wanted levels") {
    LoadIndex index(100);
    index.put(0, kL2, 5);
    index.put(1, kL4, 3);
    index.put(2, kL1, 0);
    CHECK(index.least(kL2, kL4, kAnyone) == 1U);
    CHECK(index.least(kL1, kL4, kAnyone) == 2U);
    CHECK(index.least(kL2, kL2, kAnyone) == 0U);
    CHECK(index.any_at_least(kL4));
    index.remove(1);
    CHECK_FALSE(index.any_at_least(kL4));
    CHECK(index.least(kL2, kL4, kAnyone) == 0U);
    CHECK(index.size() == 2);
}

TEST_CASE("an agent can be put in front of others with the same load") {
    LoadIndex index(10);
    index.put(0, kL2, 1);
    index.put(1, kL2, 1);
    index.put(2, kL2, 1, true);
    CHECK(index.least(kL1, kL4, kAnyone) == 2U);
    index.put(3, kL4, 5, true);
    CHECK(index.holds(3, kL4, 5));
    CHECK_FALSE(index.holds(3, kL2, 5));
    CHECK_FALSE(index.holds(4, kL2, 5));
    index.remove(2);
    CHECK(index.least(kL1, kL4, kAnyone) == 0U);
    index.put(0, kL2, 1);
    CHECK(index.least(kL1, kL4, kAnyone) == 1U);
}

TEST_CASE("agents with the same load take turns") {
    LoadIndex index(10);
    for (LoadIndex::Slot slot = 0; slot < 3; ++slot)
        index.put(slot, kL2, 1);
    for (LoadIndex::Slot expected : {0U, 1U, 2U, 0U}) {
        const auto slot = index.least(kL1, kL4, kAnyone);
        REQUIRE(slot == expected);
        index.put(*slot, kL2, 1);
    }
}

TEST_CASE("an agent that the caller does not accept is skipped, also into higher loads and other levels") {
    LoadIndex index(200);
    index.put(0, kL2, 0);
    index.put(1, kL2, 0);
    index.put(2, kL4, 130);
    CHECK(index.least(kL2, kL4, [](LoadIndex::Slot slot) { return slot == 2; }) == 2U);
    CHECK_FALSE(index.least(kL2, kL4, [](LoadIndex::Slot) { return false; }));
}

TEST_CASE("a load above the maximum counts as the maximum") {
    LoadIndex index(64);
    index.put(0, kL2, 1'000'000);
    index.put(1, kL2, 63);
    CHECK(index.least(kL2, kL2, kAnyone) == 1U);
    index.remove(1);
    CHECK(index.least(kL2, kL2, kAnyone) == 0U);
}

TEST_CASE("after any changes the index agrees with a search of all agents") {
    LoadIndex index(321);
    std::map<LoadIndex::Slot, std::pair<TaskLevel, std::uint32_t>> truth;
    std::mt19937 random(7);
    for (int step = 0; step < 20'000; ++step) {
        const LoadIndex::Slot slot = static_cast<LoadIndex::Slot>(random() % 300);
        if (random() % 4 == 0) {
            index.remove(slot);
            truth.erase(slot);
        } else {
            const auto level = static_cast<TaskLevel>(random() % 4);
            const auto load = static_cast<std::uint32_t>(random() % 322);
            index.put(slot, level, load);
            truth[slot] = {level, load};
        }
        const auto from = static_cast<TaskLevel>(random() % 4);
        std::optional<std::uint32_t> lowest;
        for (const auto& [s, at] : truth) {
            if (at.first >= from && (!lowest || at.second < *lowest)) lowest = at.second;
        }
        const auto found = index.least(from, kL4, kAnyone);
        REQUIRE(found.has_value() == lowest.has_value());
        if (found) REQUIRE(truth.at(*found).second == *lowest);
        REQUIRE(index.size() == truth.size());
    }
}
