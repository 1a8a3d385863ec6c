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

/// The agents that have a place, and which of them can take tasks. Bounded by max_agents; nothing of an agent
/// stays when its place is freed. Not thread-safe.
class AgentRegistry {
  public:
    explicit AgentRegistry(const CoordinatorSettings& settings);

    [[nodiscard]] AgentPtr find(const std::string& id) const;
    [[nodiscard]] const AgentPtr& at(LoadIndex::Slot slot) const { return slots_[slot]; }
    [[nodiscard]] std::size_t size() const { return by_id_.size(); }
    [[nodiscard]] bool full() const { return by_id_.size() >= settings_.max_agents; }
    /// A new agent; there must be room for it and none of this id.
    AgentPtr add(const std::string& id, Clock::Steady now);
    void remove(Agent& agent);

    /// Counts the agent's load and room anew, after anything about it changed: its stream, batches or
    /// heartbeat.
    void update(Agent& agent, Clock::Steady now);
    /// It may be given tasks as far as its stream and heartbeat go, its strikes left aside.
    [[nodiscard]] bool can_work(const Agent& agent, Clock::Steady now) const;

    [[nodiscard]] const LoadIndex& index() const { return index_; }
    /// Tasks that agents at L2 or above could be given now.
    [[nodiscard]] std::uint64_t room() const { return room_; }
    /// Agents that can_work(), as of the last update() of each.
    [[nodiscard]] std::size_t working() const { return working_; }
    /// Those of them that may be given tasks now: they are not held back for batches that they lost.
    [[nodiscard]] std::size_t available() const { return working_ - held_back_; }
    /// There are agents that can work, and all of them are held back for batches that they lost.
    [[nodiscard]] bool all_held_back() const { return working_ > 0 && held_back_ == working_; }
    /// The batch that the next task for this agent goes into; null when a new one has to be begun.
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
    std::size_t held_back_ = 0;  // of those that work
};

}  // namespace ioswarm
