// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/log.hpp"
#include "core/sim/agent_rules.hpp"
#include "proto/agents/agent.hpp"
#include "proto/agents/agent_settings.hpp"

namespace ioswarm::proto {

/// Any number of agents of one coordinator, without faults, on a few threads. Every agent has its own
/// connection, as deployed agents do. It takes batches one after the other and answers each.
class AgentGroup {
  public:
    /// `threads` (at least 1) run everything, including the answers. The destructor ends all agents at once and
    /// waits for their callbacks.
    AgentGroup(CoordinatorAddress address, AgentTimes times, unsigned threads, Log log);

    /// Starts an agent at once. It retries connecting and registering until they succeed. `answer` makes its
    /// answer to a task, except task_id and latency_us, and is called from the group's threads. Thread-safe.
    void add(AgentProfile profile, sim::AnswerTask answer);

    /// Tells the agents that their coordinator is about to stop. They still answer the batches that they have.
    /// An agent whose stream ends does not register again, and logs its end at debug only. Thread-safe.
    void coordinator_stops() noexcept { context_.coordinator_stops = true; }

    /// The counters of all agents together. Thread-safe.
    [[nodiscard]] AgentCounters counters() const { return context_.counters(); }

  private:
    const CoordinatorAddress address_;
    AgentContext context_;
};

}  // namespace ioswarm::proto
