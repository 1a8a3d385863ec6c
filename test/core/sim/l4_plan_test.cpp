// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_plan.hpp"

#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace ioswarm::sim;
using namespace std::chrono_literals;

TEST_CASE("in a run of two minutes the behaviours have the same times as in iotex-core's tool") {
    CHECK(l4_plan(L4Behaviour::from_snapshot, 2min).joins == 12s);
    CHECK(l4_plan(L4Behaviour::from_snapshot, 2min).from_snapshot);
    CHECK(l4_plan(L4Behaviour::late_40, 2min).joins == 48s);
    CHECK(l4_plan(L4Behaviour::late_60, 2min).joins == 72s);
    CHECK(l4_plan(L4Behaviour::late_80, 2min).joins == 96s);
    CHECK(l4_plan(L4Behaviour::quits, 2min).quits == 48s);
    CHECK(l4_plan(L4Behaviour::slow, 2min).pause == 50ms);
    const L4Plan away = l4_plan(L4Behaviour::away_20s, 2min);
    REQUIRE(away.absences.size() == 1);
    CHECK(away.absences[0].leaves == 36s);
    CHECK(away.absences[0].returns == 56s);
    const L4Plan twice = l4_plan(L4Behaviour::away_twice, 2min);
    REQUIRE(twice.absences.size() == 2);
    CHECK(twice.absences[0].leaves == 30s);
    CHECK(twice.absences[0].returns == 35s);
    CHECK(twice.absences[1].leaves == 66s);
    CHECK(twice.absences[1].returns == 74s);
}

TEST_CASE("a shorter run has shorter absences, a longer run has none longer") {
    const L4Plan brief = l4_plan(L4Behaviour::away_10s, 12s);
    CHECK(brief.absences.at(0).leaves == 3600ms);
    CHECK(brief.absences.at(0).returns == 4600ms);
    const L4Plan hour = l4_plan(L4Behaviour::away_10s, 60min);
    CHECK(hour.absences.at(0).leaves == 18min);
    CHECK(hour.absences.at(0).returns == 18min + 10s);
}

TEST_CASE("every agent that leaves returns before the run ends, and each behaviour has its own name") {
    std::set<std::string> names;
    for (std::size_t i = 0; i < kL4Behaviours; ++i) {
        const auto behaviour = static_cast<L4Behaviour>(i);
        names.emplace(to_string(behaviour));
        for (const std::chrono::milliseconds duration : {1s, 10s, 120s, 7200s}) {
            for (const L4Absence& absence : l4_plan(behaviour, duration).absences) {
                CHECK(absence.leaves < absence.returns);
                CHECK(absence.returns < duration * 3 / 4);
            }
        }
    }
    CHECK(names.size() == kL4Behaviours);
}
