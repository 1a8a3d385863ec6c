// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/sim/agent_rules.hpp"

namespace ioswarm::sim {

/// What is wrong with an agent. Each agent has at most one fault, so that its effect can be told from those of
/// other faults.
enum class AgentFault : std::uint8_t {
    none,
    /// Closes its stream while it holds a batch. About half of these agents come back later as if nothing had
    /// happened.
    vanish,
    late,        ///< answers each batch after its deadline
    never_read,  ///< opens its stream, sends heartbeats, and never reads
    twice,       ///< submits every answer a second time
    for_others,  ///< also submits answers under other agents' names and to other agents' batches
};
inline constexpr std::size_t kAgentFaults = 6;

/// The names of the command-line options: "late", "never-read", …
[[nodiscard]] std::string_view to_string(AgentFault fault) noexcept;

/// The share of each fault, in ‰.
struct FaultShares {
    // Share of the agents.
    std::uint32_t vanish = 0;
    std::uint32_t late = 0;
    std::uint32_t never_read = 0;
    std::uint32_t twice = 0;
    std::uint32_t for_others = 0;
    /// Share of the transactions. Every agent that is asked about one of them gives the opposite answer, so the
    /// accuracy does not depend on which agent was asked.
    std::uint32_t wrong = 0;
    // Share of the transactions, if agents execute them: the answer differs from the run in its gas, or in its
    // state changes.
    std::uint32_t wrong_gas = 0;
    std::uint32_t wrong_state = 0;
    /// Number of additional transactions, in ‰ of the chain's own, that no honest agent accepts and that are
    /// never mined.
    std::uint32_t forged = 0;
    std::uint32_t stall = 0;  ///< share of the blocks before which the source is unavailable for a while

    [[nodiscard]] bool any_holds_tasks() const noexcept { return vanish + late + never_read > 0; }
    [[nodiscard]] std::uint32_t of(AgentFault fault) const noexcept;
};

/// The transactions with wrong gas, and those with wrong state. The two choices are independent.
[[nodiscard]] WrongShare wrong_gas_share(std::uint64_t seed, const FaultShares& shares) noexcept;
[[nodiscard]] WrongShare wrong_state_share(std::uint64_t seed, const FaultShares& shares) noexcept;

/// A small share of every fault.
[[nodiscard]] FaultShares chaos_shares() noexcept;

/// Which agent has which fault, from the seed alone. Constant after construction; thread-safe.
class FaultPlan {
  public:
    /// A share above 0 gets at least one agent, unless fewer than a majority of the agents, or fewer than
    /// `redundancy`, would then answer in time. The shares of agents add up to at most 1000.
    FaultPlan(const FaultShares& shares, std::uint64_t seed, std::uint32_t agents, std::uint32_t redundancy);

    [[nodiscard]] const FaultShares& shares() const noexcept { return shares_; }
    [[nodiscard]] AgentFault of(std::uint32_t agent) const noexcept { return faults_[agent]; }
    [[nodiscard]] std::uint32_t agents_with(AgentFault fault) const noexcept {
        return counts_[static_cast<std::size_t>(fault)];
    }
    /// How many batches a vanishing agent answers before it vanishes, 0..3.
    [[nodiscard]] std::uint32_t batches_before_vanishing(std::uint32_t agent) const noexcept;
    [[nodiscard]] bool comes_back(std::uint32_t agent) const noexcept;

    [[nodiscard]] WrongShare wrong() const noexcept { return {seed_, shares_.wrong}; }
    [[nodiscard]] WrongShare wrong_gas() const noexcept { return wrong_gas_share(seed_, shares_); }
    [[nodiscard]] WrongShare wrong_state() const noexcept { return wrong_state_share(seed_, shares_); }
    /// True if a forged transaction follows this one.
    [[nodiscard]] bool is_forged_after(const Hash256& raw_id) const noexcept;
    /// True if the source is unavailable while this block is due.
    [[nodiscard]] bool stalls(std::uint64_t height) const noexcept;

  private:
    [[nodiscard]] std::uint64_t draw(std::uint64_t what, std::uint64_t which) const noexcept;

    FaultShares shares_;
    std::uint64_t seed_;
    std::vector<AgentFault> faults_;
    std::array<std::uint32_t, kAgentFaults> counts_{};
};

}  // namespace ioswarm::sim
