// SPDX-License-Identifier: Apache-2.0
// Dispatch: choosing agents for tasks, and filling their batches.
#include <algorithm>
#include <utility>

#include "core/coordinator/engine.hpp"

namespace ioswarm {
namespace {

/// How many tasks one pass may look at that no agent can take now (every agent with room already had them). The
/// next pass continues behind them, so many such tasks never make a pass long.
constexpr std::size_t kLookAhead = 512;

/// While any agent has room, at least this many tasks are read ahead: two calls to the state reader.
constexpr std::uint64_t kReadAhead = 200;
/// Retries per poll for tasks whose last account read failed.
constexpr std::uint64_t kReadAgain = 50;

}  // namespace

bool Engine::may_dispatch() const {
    if (closed_ || on_hold_ || !tip_) return false;
    const auto age = clock_.wall() - tip_->time;
    return age <= settings_.source_max_age && -age <= settings_.source_max_age;
}

std::vector<AccountReadPtr> Engine::dispatch(bool poll) {
    const Clock::Steady now = clock_.steady();
    std::vector<AccountReadPtr> reads;
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        if (poll) prefetcher_.on_poll();
        if (!may_dispatch()) return reads;
        // Two rounds: tasks whose accounts were already known in the first round are ready in the second.
        for (int round = 0; round < 2; ++round) {
            dispatch_queue(TaskQueue::again, again_cursor_, now, effects);
            dispatch_fresh(now, effects);
            if (!registry_.index().any_at_least(kWithoutRun)) {
                dispatch_queue(TaskQueue::unread, unread_cursor_, now, effects);
            }
            prefetcher_.want_runs(runs_enabled_ && settings_.task_level >= TaskLevel::l3_full_execute &&
                                  registry_.index().any_at_least(TaskLevel::l3_full_execute));
            const std::uint64_t room = registry_.room() == 0 ? 0 : std::max(registry_.room(), kReadAhead);
            for (AccountReadPtr& read : prefetcher_.plan(room, now))
                reads.push_back(std::move(read));
            if (poll && round == 0) {
                for (AccountReadPtr& read : prefetcher_.plan_again(std::min(room, kReadAgain), now)) {
                    reads.push_back(std::move(read));
                }
            }
            if (prefetcher_.has_fault()) {  // the reads planned above show when accounts can be read again
                dispatch_queue(TaskQueue::unread, unread_cursor_, now, effects);
                dispatch_queue(TaskQueue::unreadable, unreadable_cursor_, now, effects);
            }
            if (book_.queue(TaskQueue::fresh).empty() && book_.queue(TaskQueue::again).empty()) break;
        }
        if (AccountReadPtr probe = prefetcher_.plan_probe(now)) reads.push_back(std::move(probe));
    }
    fire(effects);
    return reads;
}

void Engine::dispatch_fresh(Clock::Steady now, Effects& effects) {
    const TaskBook::Queue& fresh = book_.queue(TaskQueue::fresh);
    while (!fresh.empty() && !registry_.index().empty()) {
        const TaskPtr task = fresh.begin()->second;
        const Placed placed = place(task, now, effects);
        if (placed == Placed::no_ids || task->queue == TaskQueue::fresh) return;
    }
}

void Engine::dispatch_queue(TaskQueue which, std::uint64_t& cursor, Clock::Steady now, Effects& effects) {
    const TaskBook::Queue& queue = book_.queue(which);
    std::size_t passed_over = 0;
    bool wrapped = false;
    const std::uint64_t start = cursor;
    while (!queue.empty() && !registry_.index().empty() && passed_over < kLookAhead) {
        auto at = queue.lower_bound(cursor);
        if (at == queue.end() && !wrapped && start > 0) {
            wrapped = true;
            cursor = 0;
            at = queue.begin();
        }
        if (at == queue.end() || (wrapped && at->first >= start)) break;
        const TaskPtr task = at->second;
        cursor = task->order + 1;
        const Placed placed = place(task, now, effects);
        if (placed == Placed::no_ids) return;
        if (placed == Placed::no_room) ++passed_over;
    }
    if (passed_over < kLookAhead) cursor = 0;  // start with the oldest again
}

Engine::Placed Engine::place(const TaskPtr& task, Clock::Steady now, Effects& effects) {
    if (book_.needs_accounts(*task) && !prefetcher_.has_fault() &&
        registry_.index().any_at_least(kWithoutRun)) {
        book_.requeue(task);  // a block has come since its accounts were read
        return Placed::partly;
    }
    bool any = false;
    while (task->missing() > 0 && task->tries_left > orphaned_parts(*task)) {
        const AgentPtr agent = choose(*task, now);
        if (!agent) break;
        if (!give(agent, task, now, effects)) return Placed::no_ids;
        any = true;
    }
    book_.requeue(task);
    if (task->missing() == 0) return Placed::whole;
    return any ? Placed::partly : Placed::no_room;
}

std::uint32_t Engine::orphaned_parts(const Task& task) {
    return static_cast<std::uint32_t>(
        std::count_if(task.parts.begin(), task.parts.end(),
                      [](const Task::Part& part) { return part.state == PartState::orphaned; }));
}

AgentPtr Engine::choose(const Task& task, Clock::Steady now) {
    const bool blind = book_.needs_accounts(task);  // without accounts, an agent can only be given L1
    const auto highest = static_cast<TaskLevel>(kMaxTaskLevel);
    const int rounds = task.parts.empty() || !nobody_else_works(task) ? 1 : 2;
    for (int round = 0; round < rounds; ++round) {
        const bool failed_too = round == 1;
        if (!blind || prefetcher_.has_fault()) {
            const TaskLevel lowest = blind ? TaskLevel::l1_sig_verify : settings_.task_level;
            if (AgentPtr agent = choose_among(task, lowest, highest, failed_too, now)) return agent;
        }
        const int below =
            blind ? static_cast<int>(TaskLevel::l1_sig_verify) : static_cast<int>(settings_.task_level) - 1;
        for (int level = below; level >= 0; --level) {
            AgentPtr agent = choose_among(task, static_cast<TaskLevel>(level), static_cast<TaskLevel>(level),
                                          failed_too, now);
            if (agent) return agent;
        }
    }
    return nullptr;
}

AgentPtr Engine::choose_among(const Task& task, TaskLevel from, TaskLevel to, bool failed_too,
                              Clock::Steady now) {
    std::vector<AgentPtr> silent;
    const auto slot = registry_.index().least(from, to, [&](LoadIndex::Slot candidate) {
        const AgentPtr& agent = registry_.at(candidate);
        if (!registry_.can_work(*agent, now)) {
            silent.push_back(agent);
            return false;
        }
        for (const Task::Part& part : task.parts) {
            if (part.agent != agent->name && *part.agent != *agent->name) continue;
            return part.state == PartState::orphaned || (part.state == PartState::failed && failed_too);
        }
        return true;
    });
    for (const AgentPtr& agent : silent)
        registry_.update(*agent, now);
    return slot ? registry_.at(*slot) : nullptr;
}

/// True if every agent that may be given tasks now already had this one. An agent that failed may then try
/// again. Agents that are held back do not count. Otherwise they could make the task wait until they are back,
/// up to five minutes.
bool Engine::nobody_else_works(const Task& task) const {
    std::size_t had_it = 0;
    for (const Task::Part& part : task.parts) {
        const AgentPtr agent = registry_.find(*part.agent);
        if (agent && agent->working && agent->standing != Strikes::Standing::held_back) ++had_it;
    }
    return had_it >= registry_.available();
}

/// Returns false if no numbers are left.
bool Engine::give(const AgentPtr& agent, const TaskPtr& task, Clock::Steady now, Effects& effects) {
    if (!book_.name(*task, ids_)) return false;
    Batch* batch = AgentRegistry::filling(*agent);
    if (!batch) {
        const auto number = ids_.next();
        if (!number) return false;
        agent->batches.push_back(std::make_shared<Batch>());
        batch = agent->batches.back().get();
        batch->number = *number;
        batch->deadline = now + settings_.task_timeout;
        batch->tasks.reserve(agent->batch_size);
    }
    batch->tasks.push_back({task, level_for(*agent, *task), PartState::holding, nullptr});
    if (book_.needs_accounts(*task) && agent->level >= kWithoutRun) counters_.tasks_lowered_no_accounts.add();
    ++agent->open_tasks;
    ++agent->given;
    ++given_;
    if (agent->catch_up > 0) --agent->catch_up;
    if (Task::Part* part = task->part_of(*agent->name)) {
        // The agent already had the task: as an orphan, or as a try that failed. From now on this batch counts.
        if (part->state == PartState::orphaned) --task->tries_left;
        part->state = PartState::holding;
    } else {
        task->parts.push_back({agent->name, PartState::holding});
    }
    // If the task waited for an agent whose stream ended, this agent replaces it.
    for (Task::Part& part : task->parts) {
        if (part.state != PartState::orphaned || orphaned_parts(*task) <= task->missing()) continue;
        part.state = PartState::failed;
        --task->tries_left;
    }
    registry_.update(*agent, now);
    if (!agent->announced && registry_.may_take(*agent)) announce(*agent, effects);
    return true;
}

TaskLevel Engine::level_for(const Agent& agent, const Task& task) const {
    if (book_.needs_accounts(task)) return TaskLevel::l1_sig_verify;
    if (agent.gets_l4) return TaskLevel::l4_state_sync;
    const bool executes = settings_.task_level >= TaskLevel::l3_full_execute &&
                          agent.level == TaskLevel::l3_full_execute && task.run && task.run->suits_l3;
    // An L4 agent is not given L3 tasks: it would fill in missing data from its own state, which may be old.
    if (executes) return TaskLevel::l3_full_execute;
    return std::min({settings_.task_level, agent.level, kWithoutRun});
}

void Engine::add_ids(std::uint64_t first, std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    ids_.add(first, count);
}

std::uint64_t Engine::ids_left() const {
    const std::lock_guard lock(mutex_);
    return ids_.left();
}

}  // namespace ioswarm
