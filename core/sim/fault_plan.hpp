// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/sim/agent_rules.hpp"

namespace ioswarm::sim {

/// What is wrong with an agent. One fault an agent, so that each can be told from the others by its effect.
enum class AgentFault : std::uint8_t {
    none,
    vanish,  ///< cuts its stream with a batch in hand; every other one comes back later as if nothing had been
    late,    ///< answers each batch after its time is over
    never_read,  ///< opens its stream, sends heartbeats, and never reads
    twice,       ///< hands every answer in a second time
    for_others,  ///< also hands in answers under other agents' names, and to other agents' batches
};
inline constexpr std::size_t kAgentFaults = 6;

/// "late", "never-read", …: as the options are called.
[[nodiscard]] std::string_view to_string(AgentFault fault) noexcept;

/// How much of what goes wrong, in ‰.
struct FaultShares {
    // Of the agents.
    std::uint32_t vanish = 0;
    std::uint32_t late = 0;
    std::uint32_t never_read = 0;
    std::uint32_t twice = 0;
    std::uint32_t for_others = 0;
    /// Of the transactions: whoever is asked answers the opposite, so that the accuracy does not depend on who
    /// it was.
    std::uint32_t wrong = 0;
    // Of the transactions, where agents execute them: another gas, another change of state than their run gave.
    std::uint32_t wrong_gas = 0;
    std::uint32_t wrong_state = 0;
    /// As many, besides the chain's own: transactions that no honest agent accepts, and that are never mined.
    std::uint32_t forged = 0;
    std::uint32_t stall = 0;  ///< of the blocks: before it the source is away for a while

    [[nodiscard]] bool any_holds_tasks() const noexcept { return vanish + late + never_read > 0; }
    [[nodiscard]] std::uint32_t of(AgentFault fault) const noexcept;
};

/// Which transactions each share takes: those of one say nothing about those of the other.
[[nodiscard]] WrongShare wrong_gas_share(std::uint64_t seed, const FaultShares& shares) noexcept;
[[nodiscard]] WrongShare wrong_state_share(std::uint64_t seed, const FaultShares& shares) noexcept;

/// A little of everything.
[[nodiscard]] FaultShares chaos_shares() noexcept;

/// Who does what, from the seed alone. Constant after construction; thread-safe.
class FaultPlan {
  public:
    /// A share that is not 0 gets at least one agent, as long as most agents, and `redundancy` of them, are
    /// left that answer in time. `shares` of agents add up to at most 1000.
    FaultPlan(const FaultShares& shares, std::uint64_t seed, std::uint32_t agents, std::uint32_t redundancy);

    [[nodiscard]] const FaultShares& shares() const noexcept { return shares_; }
    [[nodiscard]] AgentFault of(std::uint32_t agent) const noexcept { return faults_[agent]; }
    [[nodiscard]] std::uint32_t agents_with(AgentFault fault) const noexcept {
        return counts_[static_cast<std::size_t>(fault)];
    }
    /// How many batches a vanishing agent answers before, 0..3.
    [[nodiscard]] std::uint32_t batches_before_vanishing(std::uint32_t agent) const noexcept;
    [[nodiscard]] bool comes_back(std::uint32_t agent) const noexcept;

    [[nodiscard]] WrongShare wrong() const noexcept { return {seed_, shares_.wrong}; }
    [[nodiscard]] WrongShare wrong_gas() const noexcept { return wrong_gas_share(seed_, shares_); }
    [[nodiscard]] WrongShare wrong_state() const noexcept { return wrong_state_share(seed_, shares_); }
    /// Does a forged transaction follow this one?
    [[nodiscard]] bool is_forged_after(const Hash256& raw_id) const noexcept;
    /// Is the source away while this block is due?
    [[nodiscard]] bool stalls(std::uint64_t height) const noexcept;

  private:
    [[nodiscard]] std::uint64_t draw(std::uint64_t what, std::uint64_t which) const noexcept;

    FaultShares shares_;
    std::uint64_t seed_;
    std::vector<AgentFault> faults_;
    std::array<std::uint32_t, kAgentFaults> counts_{};
};

}  // namespace ioswarm::sim
