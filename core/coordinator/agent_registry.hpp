// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/coordinator/agent.hpp"
#include "core/model/settings.hpp"

namespace ioswarm {

/// The registered agents, and which of them can take tasks. Holds at most max_agents; when an agent is removed,
/// nothing of it stays. Not thread-safe.
class AgentRegistry {
  public:
    explicit AgentRegistry(const CoordinatorSettings& settings);

    [[nodiscard]] AgentPtr find(const std::string& id) const;
    [[nodiscard]] const AgentPtr& at(LoadIndex::Slot slot) const { return slots_[slot]; }
    [[nodiscard]] std::size_t size() const { return by_id_.size(); }
    [[nodiscard]] bool full() const { return by_id_.size() >= settings_.max_agents; }
    /// Adds a new agent. The registry must not be full and must not hold this id.
    AgentPtr add(const std::string& id, Clock::Steady now);
    void remove(Agent& agent);

    /// Recomputes the agent's load and room. Call it after any change to the agent's stream, batches, strikes
    /// or heartbeat.
    void update(Agent& agent, Clock::Steady now);
    /// True if the agent's stream and heartbeat allow giving it tasks. Ignores its strikes.
    [[nodiscard]] bool can_work(const Agent& agent, Clock::Steady now) const;

    [[nodiscard]] const LoadIndex& index() const { return index_; }
    /// How many tasks agents at L2 or above could be given now.
    [[nodiscard]] std::uint64_t room() const { return room_; }
    /// Number of agents for which can_work() was true at their last update().
    [[nodiscard]] std::size_t working() const { return working_; }
    /// The working agents that are not held back for batches they lost.
    [[nodiscard]] std::size_t available() const { return working_ - held_back_; }
    /// True if agents can work but all of them are held back for batches they lost.
    [[nodiscard]] bool all_held_back() const { return working_ > 0 && held_back_ == working_; }
    /// How many batches the agent's stream may hold that it has not answered.
    [[nodiscard]] std::uint32_t max_taken(const Agent& agent) const {
        return agent.pace.max_batches(agent.batch_size, settings_.task_timeout,
                                      settings_.max_waiting_per_agent);
    }
    /// True if the agent's stream may take one more batch now.
    [[nodiscard]] bool may_take(const Agent& agent) const;
    /// The batch that the next task for this agent goes into; null if a new batch must be started.
    [[nodiscard]] static Batch* filling(Agent& agent);

    template <typename F>
    void each(const F& f) const {
        for (const AgentPtr& agent : slots_) {
            if (agent) f(agent);
        }
    }

  private:
    [[nodiscard]] std::uint32_t count_room(Agent& agent) const;
    void note_standing(Agent& agent, bool working, Strikes::Standing standing);

    const CoordinatorSettings& settings_;
    std::unordered_map<std::string, AgentPtr> by_id_;
    std::vector<AgentPtr> slots_;
    std::vector<LoadIndex::Slot> free_slots_;
    LoadIndex index_;
    std::uint64_t room_ = 0;
    std::size_t working_ = 0;
    std::size_t held_back_ = 0;  // of the working agents
};

}  // namespace ioswarm
