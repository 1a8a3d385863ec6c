// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/agent_registry.hpp"

#include <algorithm>
#include <charconv>

namespace ioswarm {
namespace {

/// An agent that catches up is dispatched to as if it had this many fewer open tasks (this project's choice).
/// The number is small so that little is lost if the agent fails again.
constexpr std::uint32_t kCatchUpAtOnce = 4;

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

std::string idle_batch_name(std::uint64_t unix_ms, std::uint64_t number) {
    return "idle-" + std::to_string(unix_ms) + "-" + std::to_string(number);
}

AgentRegistry::AgentRegistry(const CoordinatorSettings& settings)
    : settings_(settings), index_(settings.max_waiting_per_agent * settings.max_batch_size) {}

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
    note_standing(agent, false, Strikes::Standing::good);
    agent.registered = false;
    free_slots_.push_back(agent.slot);
    const auto at = by_id_.find(*agent.name);
    slots_[agent.slot] = nullptr;
    by_id_.erase(at);  // last, because this may destroy the agent
}

bool AgentRegistry::can_work(const Agent& agent, Clock::Steady now) const {
    return agent.registered && agent.stream && !agent.stuck &&
           now - agent.heartbeat < settings_.dispatch_heartbeat_age;
}

Batch* AgentRegistry::filling(Agent& agent) {
    if (agent.batches.empty()) return nullptr;
    Batch& last = *agent.batches.back();
    return !last.sent && !last.taken && last.tasks.size() < agent.batch_size ? &last : nullptr;
}

bool AgentRegistry::may_take(const Agent& agent) const {
    const auto held = std::count_if(agent.batches.begin(), agent.batches.end(),
                                    [](const BatchPtr& batch) { return batch->taken && batch->is_open(); });
    return held < max_taken(agent);
}

std::uint32_t AgentRegistry::count_room(Agent& agent) const {
    if (agent.standing == Strikes::Standing::held_back) return 0;
    const bool on_trial = agent.standing == Strikes::Standing::on_trial;
    // As many batches as it may hold can wait until it has answered those. The other tasks stay in the queues,
    // where an agent that answers sooner gets them.
    const std::uint32_t max_batches =
        on_trial ? 1 : std::min(settings_.max_waiting_per_agent, 2 * max_taken(agent));
    std::uint32_t room = 0;
    if (agent.batches.size() < max_batches)
        room = (max_batches - static_cast<std::uint32_t>(agent.batches.size())) * agent.batch_size;
    const Batch* last = filling(agent);
    if (last) room += agent.batch_size - static_cast<std::uint32_t>(last->tasks.size());
    return room;
}

void AgentRegistry::note_standing(Agent& agent, bool working, Strikes::Standing standing) {
    const auto is_held_back = [&] { return agent.working && agent.standing == Strikes::Standing::held_back; };
    if (agent.working) --working_;
    if (is_held_back()) --held_back_;
    agent.working = working;
    agent.standing = standing;
    if (agent.working) ++working_;
    if (is_held_back()) ++held_back_;
}

void AgentRegistry::update(Agent& agent, Clock::Steady now) {
    note_standing(agent, can_work(agent, now), agent.strikes.standing(now));
    const std::uint32_t room = agent.working ? count_room(agent) : 0;
    if (room > 0) {
        const bool is_below = agent.level == TaskLevel::l4_state_sync && !agent.gets_l4;
        const TaskLevel level = is_below ? TaskLevel::l3_full_execute : agent.level;
        const std::uint32_t load =
            agent.open_tasks - std::min({agent.catch_up, kCatchUpAtOnce, agent.open_tasks});
        const bool is_first = agent.catch_up > 0 || agent.standing == Strikes::Standing::on_trial;
        // An agent whose load is unchanged keeps its place among the agents with the same load. Otherwise each
        // heartbeat would move it to the last place.
        if (is_first || !index_.holds(agent.slot, level, load)) index_.put(agent.slot, level, load, is_first);
    } else {
        index_.remove(agent.slot);
    }
    const std::uint32_t counted = agent.level >= TaskLevel::l2_state_verify ? room : 0;
    room_ += counted;
    room_ -= agent.room;
    agent.room = counted;
}

}  // namespace ioswarm
