// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/agent_registry.hpp"

#include <algorithm>
#include <charconv>

namespace ioswarm {
namespace {

/// What a batch that was not answered in time adds to an agent's load, so that a silent agent, whose load would
/// soon be the least of all, does not get every task first. An answer clears it.
constexpr std::uint32_t kStrikeLoad = 10;
constexpr std::uint32_t kMaxStrikes = 1000;

}  // namespace

std::string batch_name(std::uint64_t number) {
    return "b" + std::to_string(number);
}

std::optional<std::uint64_t> batch_number(std::string_view name) {
    if (name.size() < 2 || name.size() > 21 || name[0] != 'b') return std::nullopt;
    std::uint64_t number = 0;
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + 1, end, number);
    if (read.ec != std::errc{} || read.ptr != end || batch_name(number) != name) return std::nullopt;
    return number;
}

AgentRegistry::AgentRegistry(const CoordinatorSettings& settings)
    : settings_(settings), index_(2 * settings.max_waiting_per_agent * settings.max_batch_size) {}

AgentPtr AgentRegistry::find(const std::string& id) const {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? nullptr : at->second;
}

AgentPtr AgentRegistry::add(const std::string& id, Clock::Steady now) {
    auto agent = std::make_shared<Agent>();
    agent->name = std::make_shared<const std::string>(id);
    agent->since = now;
    if (free_slots_.empty()) {
        agent->slot = static_cast<LoadIndex::Slot>(slots_.size());
        slots_.push_back(agent);
    } else {
        agent->slot = free_slots_.back();
        free_slots_.pop_back();
        slots_[agent->slot] = agent;
    }
    by_id_.emplace(id, agent);
    return agent;
}

void AgentRegistry::remove(Agent& agent) {
    index_.remove(agent.slot);
    room_ -= agent.room;
    agent.room = 0;
    if (agent.working) --working_;
    agent.working = false;
    agent.registered = false;
    free_slots_.push_back(agent.slot);
    const auto at = by_id_.find(*agent.name);
    slots_[agent.slot] = nullptr;
    by_id_.erase(at);  // last: this may be the end of the agent
}

bool AgentRegistry::can_work(const Agent& agent, Clock::Steady now) const {
    return agent.registered && agent.stream && now - agent.heartbeat < settings_.dispatch_heartbeat_age;
}

Batch* AgentRegistry::filling(Agent& agent) {
    if (agent.batches.empty()) return nullptr;
    Batch& last = *agent.batches.back();
    return !last.sent && !last.taken && last.tasks.size() < agent.batch_size ? &last : nullptr;
}

std::uint32_t AgentRegistry::count_room(Agent& agent) const {
    std::uint32_t room = 0;
    if (agent.batches.size() < settings_.max_waiting_per_agent) {
        room = (settings_.max_waiting_per_agent - static_cast<std::uint32_t>(agent.batches.size())) *
               agent.batch_size;
    }
    const Batch* last = filling(agent);
    if (last) room += agent.batch_size - static_cast<std::uint32_t>(last->tasks.size());
    return room;
}

void AgentRegistry::update(Agent& agent, Clock::Steady now) {
    const bool working = can_work(agent, now);
    if (working != agent.working) working ? ++working_ : --working_;
    agent.working = working;
    const std::uint32_t room = working ? count_room(agent) : 0;
    if (room > 0) {
        const bool is_below = agent.level == TaskLevel::l4_state_sync && !agent.gets_l4;
        index_.put(agent.slot, is_below ? TaskLevel::l3_full_execute : agent.level,
                   agent.open_tasks + kStrikeLoad * std::min(agent.strikes, kMaxStrikes));
    } else {
        index_.remove(agent.slot);
    }
    const std::uint32_t counted = agent.level >= TaskLevel::l2_state_verify ? room : 0;
    room_ += counted;
    room_ -= agent.room;
    agent.room = counted;
}

}  // namespace ioswarm
