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

/// What `sim` is told on the command line.
struct SimOptions {
    std::uint32_t agents = 10;
    std::chrono::milliseconds duration{30'000};
    std::uint32_t tps = 50;
    std::chrono::milliseconds block_time{5'000};
    std::uint32_t accounts = 1'000;
    TaskLevel level = TaskLevel::l2_state_verify;
    std::uint32_t redundancy = 1;
    std::uint64_t seed = 1;
    sim::AgentRules rules = sim::AgentRules::honest;
    sim::FaultShares faults;
    std::optional<std::chrono::milliseconds> task_timeout;
    std::uint32_t agents_per_connection = 0;  ///< 0: one each, or as few as the limit of open files allows
    bool json = false;

    // Agents alone, against a coordinator elsewhere.
    std::string target;  ///< "host:port"; empty: a coordinator of our own
    std::string secret_file;
    std::string wallets_file;  ///< one address per line: the agents' wallets, in their order; empty: none
    bool own_target = false;   ///< the target may be another address than loopback
    bool tls = false;
};

/// Where tests break a run on purpose, each to see that it is noticed.
struct SimHooks {
    /// Stands between the port for agents and the coordinator.
    std::function<std::unique_ptr<AgentLink>(AgentLink&)> link;
    /// Changes what the coordinator says of itself.
    std::function<void(sim::CoordinatorSays&)> says;
    /// When the agents have come in.
    std::function<void()> joined;
};

}  // namespace ioswarm::cli
