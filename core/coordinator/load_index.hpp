// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/model/messages.hpp"

namespace ioswarm {

/// The agents that can take a task now, by level and load, so that the least loaded one is found without
/// looking at the others: a list for each load, and a bit for each list that is not empty. Agents of one load
/// take turns. Loads above `max_load` count as it. Not thread-safe.
class LoadIndex {
  public:
    using Slot = std::uint32_t;  ///< a small number that names an agent, given by the registry

    explicit LoadIndex(std::uint32_t max_load);

    /// Puts the agent in, or moves it: behind the others of its load, or before them.
    void put(Slot slot, TaskLevel level, std::uint32_t load, bool is_first = false);
    /// It is in with this level and load.
    [[nodiscard]] bool holds(Slot slot, TaskLevel level, std::uint32_t load) const noexcept;
    /// Takes it out; nothing happens when it is not in.
    void remove(Slot slot);

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool any_at_least(TaskLevel level) const noexcept;

    /// The least loaded agent at a level from `from` to `to` that `accepts` (a bool of a Slot); costs one call
    /// of it and a few bit operations, and one more call for each agent it does not accept. It must not change
    /// the index.
    template <typename Accepts>
    [[nodiscard]] std::optional<Slot> least(TaskLevel from, TaskLevel to, const Accepts& accepts) const {
        std::array<std::uint32_t, kLevels> at{};  // the load that each level has come to
        for (std::size_t l = index(from); l <= index(to); ++l)
            at[l] = next_load(l, 0);
        while (true) {
            std::size_t best = kLevels;
            for (std::size_t l = index(from); l <= index(to); ++l) {
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
        std::uint32_t load = kNone;  // kNone = not in
        std::uint32_t level = 0;
    };
    struct List {
        Slot head = kNone;
        Slot tail = kNone;
    };
    struct Level {
        std::vector<List> lists;            // by load
        std::vector<std::uint64_t> filled;  // a bit for each list
        std::size_t agents = 0;
    };

    static std::size_t index(TaskLevel level) noexcept { return static_cast<std::size_t>(level); }
    /// The lowest load ≥ `from` that has an agent.
    [[nodiscard]] std::uint32_t next_load(std::size_t level, std::uint32_t from) const noexcept;

    std::uint32_t max_load_;
    std::array<Level, kLevels> levels_;
    std::vector<Node> nodes_;  // by slot
    std::size_t size_ = 0;
};

}  // namespace ioswarm
