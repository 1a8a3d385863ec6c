// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/load_index.hpp"

#include <algorithm>
#include <bit>

namespace ioswarm {
namespace {
constexpr std::uint32_t kBitsPerWord = 64;
}

LoadIndex::LoadIndex(std::uint32_t max_load) : max_load_(max_load) {
    for (Level& level : levels_) {
        level.lists.resize(std::size_t{max_load} + 1);
        level.filled.resize(max_load / kBitsPerWord + 1);
    }
}

void LoadIndex::put(Slot slot, TaskLevel level, std::uint32_t load, bool is_first) {
    remove(slot);
    if (slot >= nodes_.size()) nodes_.resize(std::size_t{slot} + 1);
    Node& node = nodes_[slot];
    node.level = static_cast<std::uint32_t>(level);
    node.load = std::min(load, max_load_);
    Level& at = levels_[node.level];
    List& list = at.lists[node.load];
    node.prev = is_first ? kNone : list.tail;
    node.next = is_first ? list.head : kNone;
    (node.prev == kNone ? list.head : nodes_[node.prev].next) = slot;
    (node.next == kNone ? list.tail : nodes_[node.next].prev) = slot;
    at.filled[node.load / kBitsPerWord] |= std::uint64_t{1} << (node.load % kBitsPerWord);
    ++at.agents;
    ++size_;
}

bool LoadIndex::holds(Slot slot, TaskLevel level, std::uint32_t load) const noexcept {
    return slot < nodes_.size() && nodes_[slot].load == std::min(load, max_load_) &&
           nodes_[slot].level == static_cast<std::uint32_t>(level);
}

void LoadIndex::remove(Slot slot) {
    if (slot >= nodes_.size() || nodes_[slot].load == kNone) return;
    Node& node = nodes_[slot];
    Level& at = levels_[node.level];
    List& list = at.lists[node.load];
    (node.prev == kNone ? list.head : nodes_[node.prev].next) = node.next;
    (node.next == kNone ? list.tail : nodes_[node.next].prev) = node.prev;
    if (list.head == kNone)
        at.filled[node.load / kBitsPerWord] &= ~(std::uint64_t{1} << (node.load % kBitsPerWord));
    node = Node{};
    --at.agents;
    --size_;
}

bool LoadIndex::any_at_least(TaskLevel level) const noexcept {
    for (std::size_t l = level_index(level); l < kLevels; ++l) {
        if (levels_[l].agents > 0) return true;
    }
    return false;
}

std::uint32_t LoadIndex::next_load(std::size_t level, std::uint32_t from) const noexcept {
    const std::vector<std::uint64_t>& filled = levels_[level].filled;
    std::size_t word = from / kBitsPerWord;
    if (word >= filled.size()) return kNone;
    std::uint64_t bits = filled[word] & (~std::uint64_t{0} << (from % kBitsPerWord));
    while (bits == 0) {
        if (++word == filled.size()) return kNone;
        bits = filled[word];
    }
    return static_cast<std::uint32_t>(word * kBitsPerWord) + static_cast<std::uint32_t>(std::countr_zero(bits));
}

}  // namespace ioswarm
