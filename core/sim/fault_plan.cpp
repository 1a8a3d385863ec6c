// SPDX-License-Identifier: Apache-2.0
#include "core/sim/fault_plan.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/sim/random.hpp"

namespace ioswarm::sim {
namespace {

constexpr std::array kFaults{AgentFault::vanish, AgentFault::late, AgentFault::never_read, AgentFault::twice,
                             AgentFault::for_others};

// The purpose of each random stream.
constexpr std::uint64_t kRank = 1;
constexpr std::uint64_t kBatches = 2;
constexpr std::uint64_t kReturn = 3;
constexpr std::uint64_t kForged = 4;
constexpr std::uint64_t kStall = 5;
constexpr std::uint64_t kWrongGas = 6;
constexpr std::uint64_t kWrongState = 7;

bool holds_tasks(AgentFault fault) {
    return fault == AgentFault::vanish || fault == AgentFault::late || fault == AgentFault::never_read;
}

}  // namespace

std::string_view to_string(AgentFault fault) noexcept {
    switch (fault) {
        case AgentFault::none:
            return "none";
        case AgentFault::vanish:
            return "vanish";
        case AgentFault::late:
            return "late";
        case AgentFault::never_read:
            return "never-read";
        case AgentFault::twice:
            return "twice";
        case AgentFault::for_others:
            return "for-others";
    }
    return "unknown";
}

std::uint32_t FaultShares::of(AgentFault fault) const noexcept {
    switch (fault) {
        case AgentFault::vanish:
            return vanish;
        case AgentFault::late:
            return late;
        case AgentFault::never_read:
            return never_read;
        case AgentFault::twice:
            return twice;
        case AgentFault::for_others:
            return for_others;
        case AgentFault::none:
            break;
    }
    return 0;
}

WrongShare wrong_gas_share(std::uint64_t seed, const FaultShares& shares) noexcept {
    return {seed ^ (kWrongGas << 56), shares.wrong_gas};
}

WrongShare wrong_state_share(std::uint64_t seed, const FaultShares& shares) noexcept {
    return {seed ^ (kWrongState << 56), shares.wrong_state};
}

FaultShares chaos_shares() noexcept {
    FaultShares out;
    out.vanish = out.late = out.never_read = out.twice = out.for_others = 50;
    out.wrong = out.wrong_gas = out.wrong_state = 20;
    out.forged = 30;
    out.stall = 200;
    return out;
}

FaultPlan::FaultPlan(const FaultShares& shares, std::uint64_t seed, std::uint32_t agents,
                     std::uint32_t redundancy)
    : shares_(shares), seed_(seed), faults_(agents, AgentFault::none) {
    std::vector<std::uint32_t> order(agents);
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const auto left = draw(kRank, a);
        const auto right = draw(kRank, b);
        return left != right ? left < right : a < b;
    });
    const std::uint32_t wanted_good = std::max(redundancy, agents / 2 + 1);
    std::uint32_t next = 0;
    std::uint32_t holding = 0;
    for (const AgentFault fault : kFaults) {
        const std::uint64_t share = shares.of(fault);
        auto count = static_cast<std::uint32_t>((share * agents + 500) / 1000);
        if (count == 0 && share > 0 && (!holds_tasks(fault) || agents >= wanted_good + holding + 1)) count = 1;
        count = std::min(count, agents - next);
        for (std::uint32_t i = 0; i < count; ++i)
            faults_[order[next++]] = fault;
        if (holds_tasks(fault)) holding += count;
        counts_[static_cast<std::size_t>(fault)] = count;
    }
    counts_[0] = agents - next;
}

std::uint64_t FaultPlan::draw(std::uint64_t what, std::uint64_t which) const noexcept {
    Random random(seed_ ^ (what << 56), which);
    return random.next();
}

std::uint32_t FaultPlan::batches_before_vanishing(std::uint32_t agent) const noexcept {
    return static_cast<std::uint32_t>(draw(kBatches, agent) % 4);
}

bool FaultPlan::comes_back(std::uint32_t agent) const noexcept {
    return draw(kReturn, agent) % 2 == 0;
}

bool FaultPlan::is_forged_after(const Hash256& raw_id) const noexcept {
    std::uint64_t which = 0;
    std::memcpy(&which, raw_id.bytes.data(), sizeof which);
    return draw(kForged, which) % 1000 < shares_.forged;
}

bool FaultPlan::stalls(std::uint64_t height) const noexcept {
    return draw(kStall, height) % 1000 < shares_.stall;
}

}  // namespace ioswarm::sim
