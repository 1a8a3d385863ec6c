// SPDX-License-Identifier: Apache-2.0
#include "core/sim/fault_plan.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace ioswarm::sim;

namespace {

std::vector<AgentFault> faults_of(const FaultPlan& plan, std::uint32_t agents) {
    std::vector<AgentFault> out;
    for (std::uint32_t i = 0; i < agents; ++i)
        out.push_back(plan.of(i));
    return out;
}

}  // namespace

TEST_CASE("exactly the configured shares of agents have a fault, and the seed decides which", "[sim]") {
    FaultShares shares;
    shares.late = 100;
    shares.vanish = 25;
    const FaultPlan plan(shares, 7, 1000, 1);
    CHECK(plan.agents_with(AgentFault::late) == 100);
    CHECK(plan.agents_with(AgentFault::vanish) == 25);
    CHECK(plan.agents_with(AgentFault::none) == 875);
    const auto faults = faults_of(plan, 1000);
    CHECK(std::count(faults.begin(), faults.end(), AgentFault::late) == 100);
    CHECK(faults == faults_of(FaultPlan(shares, 7, 1000, 1), 1000));
    CHECK(faults != faults_of(FaultPlan(shares, 8, 1000, 1), 1000));
}

TEST_CASE("a small share affects one agent, as long as most agents still answer", "[sim]") {
    const FaultPlan ten(chaos_shares(), 1, 10, 1);
    for (const AgentFault fault : {AgentFault::vanish, AgentFault::late, AgentFault::never_read,
                                   AgentFault::twice, AgentFault::for_others})
        CHECK(ten.agents_with(fault) == 1);
    const FaultPlan one(chaos_shares(), 1, 1, 1);
    CHECK(one.agents_with(AgentFault::vanish) + one.agents_with(AgentFault::late) +
              one.agents_with(AgentFault::never_read) ==
          0);
    // With redundancy 3 and 4 agents, one agent may be missing but not two.
    const FaultPlan four(chaos_shares(), 1, 4, 3);
    CHECK(four.agents_with(AgentFault::vanish) + four.agents_with(AgentFault::late) +
              four.agents_with(AgentFault::never_read) ==
          1);
}

TEST_CASE("without shares no fault occurs", "[sim]") {
    const FaultPlan plan({}, 1, 50, 1);
    CHECK(plan.agents_with(AgentFault::none) == 50);
    for (std::uint64_t height = 0; height < 1000; ++height)
        CHECK_FALSE(plan.stalls(height));
    CHECK_FALSE(plan.is_forged_after(Hash256{}));
    CHECK(plan.wrong().permille == 0);
}

TEST_CASE("every option of a fault has its own name", "[sim]") {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < kAgentFaults; ++i)
        names.push_back(to_string(static_cast<AgentFault>(i)));
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}
