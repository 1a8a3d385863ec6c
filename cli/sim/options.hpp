// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/model/messages.hpp"
#include "core/ports/agent_link.hpp"
#include "core/sim/fault_plan.hpp"
#include "core/sim/invariants.hpp"
#include "core/sim/scenario.hpp"

namespace ioswarm::cli {

/// The command line of `sim`.
struct SimOptions {
    std::uint32_t agents = 10;  ///< 1 to 100,000
    std::chrono::milliseconds duration{30'000};
    std::uint32_t tps = 50;  ///< new transactions per second
    std::chrono::milliseconds block_time{5'000};
    std::uint32_t accounts = 1'000;
    TaskLevel level = TaskLevel::l2_state_verify;
    std::uint32_t redundancy = 1;  ///< 1 to 16, and at most `agents`
    std::uint64_t seed = 1;
    sim::AgentRules rules = sim::AgentRules::honest;
    sim::FaultShares faults;
    /// Empty: 10 s, or a third of block_time if agents vanish, answer late or never read.
    std::optional<std::chrono::milliseconds> task_timeout;
    /// Agents that share one connection. 0: 1, or more if the limit on open files requires it.
    std::uint32_t agents_per_connection = 0;
    bool json = false;

    // To run only agents, against a coordinator that runs elsewhere:
    std::string target;  ///< "host:port"; empty = start a coordinator of our own
    std::string secret_file;
    std::string key_file;  ///< the agents' ids and keys, as keygen prints them; instead of secret_file
    /// One address per line, the agents' wallets in the agents' order; empty = no wallets.
    std::string wallets_file;
    bool own_target = false;  ///< allows a target that is not a loopback address
    bool tls = false;
};

/// Lets tests break a run on purpose, to see that the checks notice it.
struct SimHooks {
    /// Creates an object that sits between the agent port and the coordinator.
    std::function<std::unique_ptr<AgentLink>(AgentLink&)> link;
    /// Changes the figures that the coordinator reports.
    std::function<void(sim::CoordinatorSays&)> change_figures;
    /// Called when all agents have joined.
    std::function<void()> on_all_joined;
};

}  // namespace ioswarm::cli
