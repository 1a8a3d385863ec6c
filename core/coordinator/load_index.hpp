// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/model/messages.hpp"

namespace ioswarm {

/// The agents that can take a task now, by level and load. The load is the number of an agent's open tasks; an
/// agent that catches up counts as having fewer (AgentRegistry::update()). The index finds the least loaded
/// agent without looking at the others: there is one list per load, and one bit per list that is set if the
/// list is not empty. Agents with the same load take turns. Loads above `max_load` count as `max_load`. Not
/// thread-safe.
class LoadIndex {
  public:
    using Slot = std::uint32_t;  ///< a small number that the agent registry gives to each agent

    explicit LoadIndex(std::uint32_t max_load);

    /// Inserts or moves the agent. It becomes the last of the agents with this load, or the first if
    /// `is_first`.
    void put(Slot slot, TaskLevel level, std::uint32_t load, bool is_first = false);
    /// True if the agent is in the index with this level and load.
    [[nodiscard]] bool holds(Slot slot, TaskLevel level, std::uint32_t load) const noexcept;
    /// Removes the agent if it is in the index.
    void remove(Slot slot);

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool any_at_least(TaskLevel level) const noexcept;

    /// Returns the least loaded agent at a level from `from` to `to` (both included) for which `accepts(slot)`
    /// is true. If two levels have the same load, the lower level comes first. Costs at most max_load / 64 bit
    /// operations per level, one call of `accepts`, and one more call per agent that it rejects. `accepts` must
    /// not change the index.
    template <typename Accepts>
    [[nodiscard]] std::optional<Slot> least(TaskLevel from, TaskLevel to, const Accepts& accepts) const {
        std::array<std::uint32_t, kLevels> at{};  // the load that the search has reached at each level
        for (std::size_t l = level_index(from); l <= level_index(to); ++l)
            at[l] = next_load(l, 0);
        while (true) {
            std::size_t best = kLevels;
            for (std::size_t l = level_index(from); l <= level_index(to); ++l) {
                if (at[l] != kNone && (best == kLevels || at[l] < at[best])) best = l;
            }
            if (best == kLevels) return std::nullopt;
            for (Slot slot = levels_[best].lists[at[best]].head; slot != kNone; slot = nodes_[slot].next) {
                if (accepts(slot)) return slot;
            }
            at[best] = next_load(best, at[best] + 1);
        }
    }

  private:
    static constexpr std::uint32_t kNone = 0xffffffffU;
    static constexpr std::size_t kLevels = kMaxTaskLevel + 1;

    struct Node {
        Slot prev = kNone;
        Slot next = kNone;
        std::uint32_t load = kNone;  // kNone = not in the index
        std::uint32_t level = 0;
    };
    struct List {
        Slot head = kNone;
        Slot tail = kNone;
    };
    struct Level {
        std::vector<List> lists;            // by load
        std::vector<std::uint64_t> filled;  // one bit per list
        std::size_t agents = 0;
    };

    static std::size_t level_index(TaskLevel level) noexcept { return static_cast<std::size_t>(level); }
    /// The lowest load ≥ `from` that at least one agent has; kNone if there is none.
    [[nodiscard]] std::uint32_t next_load(std::size_t level, std::uint32_t from) const noexcept;

    std::uint32_t max_load_;
    std::array<Level, kLevels> levels_;
    std::vector<Node> nodes_;  // by slot
    std::size_t size_ = 0;
};

}  // namespace ioswarm
