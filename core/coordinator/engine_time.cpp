// SPDX-License-Identifier: Apache-2.0
// Everything that happens because time passes: time-outs of tasks, the strikes for them, evictions of agents,
// and the periods for which agents are excused because the coordinator itself was at fault.
#include <algorithm>
#include <utility>

#include "core/coordinator/engine.hpp"

namespace ioswarm {
namespace {

/// An agent that was held back and answers again is given at most this many tasks before others, to make up for
/// what it missed. (This project's choice: 20 s of 12 tasks per second.)
constexpr std::uint64_t kMaxCatchUp = 250;

}  // namespace

/// True if the batch was out while the coordinator stood still or could not record answers.
bool Engine::is_excused(const Batch& batch) const {
    return on_hold_ || (batch.taken && *batch.taken <= excused_until_);
}

/// The ledger begins to record answers of this agent.
void Engine::begin_recording(Agent& agent, Clock::Steady now) const {
    if (agent.being_recorded++ == 0) {
        agent.recording_since = now;
    } else {
        excuse_recording(agent, now);
    }
}

void Engine::end_recording(Agent& agent, Clock::Steady now) const {
    excuse_recording(agent, now);
    --agent.being_recorded;
}

/// An agent waits for the response before it works on its next batch. The time that the ledger takes to record
/// its answers does therefore not count against the other batches that it holds. In all, this moves a batch's
/// deadline by at most one task time-out, so that nobody can hold tasks for long by answering bit by bit.
void Engine::excuse_recording(Agent& agent, Clock::Steady now) const {
    if (agent.being_recorded == 0) return;
    const Clock::Steady since = std::exchange(agent.recording_since, now);
    for (const auto* batches : {&agent.batches, &agent.orphans}) {
        for (const BatchPtr& batch : *batches) {
            if (!batch->taken) continue;
            const std::chrono::nanoseconds waited = now - std::max(since, std::min(*batch->taken, now));
            const std::chrono::nanoseconds left = settings_.task_timeout - batch->excused;
            const std::chrono::nanoseconds more =
                std::clamp(waited, std::chrono::nanoseconds(0), std::max(left, std::chrono::nanoseconds(0)));
            batch->deadline += more;
            batch->excused += more;
        }
    }
}

void Engine::strike(Agent& agent, const Batch& batch, Clock::Steady now) {
    const bool was_good = agent.strikes.count(now) == 0;
    if (!agent.strikes.add(*batch.taken, now)) return;
    if (was_good) agent.missed_since = batch.given_by_then;
    agent.catch_up = 0;
    counters_.agents_held_back.add();
}

void Engine::forgive(Agent& agent) {
    agent.strikes.clear();
    agent.missed_since.reset();
    agent.catch_up = 0;
}

/// The agent answers again. A strike only delays, so the agent now gets before others what it missed meanwhile.
void Engine::forgive_and_catch_up(Agent& agent, Clock::Steady now) {
    if (agent.strikes.count(now) == 0) return;
    const GivenCounts since = agent.missed_since.value_or(GivenCounts{given_, agent.given});
    forgive(agent);
    const std::uint64_t share = (given_ - since.to_all) / std::max<std::size_t>(registry_.working(), 1);
    const std::uint64_t got = agent.given - since.to_agent;
    agent.catch_up = static_cast<std::uint32_t>(std::min(share > got ? share - got : 0, kMaxCatchUp));
}

void Engine::expire_batches(Agent& agent, Clock::Steady now, Effects& effects) {
    bool expired = false;
    bool is_struck = false;
    excuse_recording(agent, now);
    for (const BatchPtr& batch : agent.batches) {
        if (batch->deadline > now) continue;
        const bool is_lost = batch->taken && !is_excused(*batch);
        bool any = false;
        for (GivenTask& given : batch->tasks) {
            if (given.state != PartState::holding) continue;
            take_back(agent, *batch, given, is_lost);
            any = true;
            counters_.tasks_timed_out.add();
        }
        if (!any) continue;
        expired = true;
        agent.remember(batch->number, BatchEnd::late);
        counters_.batches_timed_out.add();
        if (is_lost) {
            strike(agent, *batch, now);
            is_struck = true;
        } else if (batch->taken) {
            counters_.batches_excused.add();
        } else {
            counters_.batches_never_taken.add();
            // on_ready was called for the batch, but the stream did not take it, perhaps because its client
            // does not read. on_ready is called once more, and the agent gets nothing new until the stream
            // takes the batch.
            if (!agent.announced) continue;
            agent.stuck = true;
            agent.announced = false;
            announce(agent, effects);
        }
    }
    if (!expired) return;
    // The agent is held back, so nothing is kept waiting for it.
    is_struck ? return_untaken(agent) : drop_finished(agent);
    announce_waiting(agent, effects);
    registry_.update(agent, now);
}

void Engine::expire_orphans(Agent& agent, Clock::Steady now) {
    for (BatchPtr& batch : agent.orphans) {
        if (batch->deadline > now) continue;
        for (GivenTask& given : batch->tasks)
            take_back(agent, *batch, given, !is_excused(*batch));
        agent.remember(batch->number, BatchEnd::late);
        batch = nullptr;
    }
    std::erase(agent.orphans, nullptr);
}

void Engine::evict(const AgentPtr& agent, Effects& effects) {
    counters_.agents_evicted.add();
    // The end of a stream is logged by the transport, which also knows the address.
    if (!agent->stream) effects.evicted.push_back(*agent->name);
    remove_agent(agent,
                 Error{ErrorCode::unavailable,
                       "task stream ended",
                       *agent->name,
                       "no heartbeat in time; register again",
                       {}},
                 effects);
}

/// HTTP/2 pings end at a proxy, so only a message shows it that the stream is in use.
void Engine::keep_stream_alive(Agent& agent, Clock::Steady now, Effects& effects) const {
    if (settings_.idle_batch.count() == 0 || !agent.stream) return;
    if (now - agent.stream_used < settings_.idle_batch) return;
    agent.idle_due = true;
    announce(agent, effects);
}

void Engine::tick() {
    const Clock::Steady now = clock_.steady();
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        const bool evicting = now - eviction_checked_ >= settings_.eviction_check;
        if (evicting) eviction_checked_ = now;
        std::vector<AgentPtr> silent;
        registry_.each([&](const AgentPtr& agent) {
            expire_batches(*agent, now, effects);
            expire_orphans(*agent, now);
            keep_stream_alive(*agent, now, effects);
            const bool is_as_before = agent->working == registry_.can_work(*agent, now) &&
                                      agent->standing == agent->strikes.standing(now);
            if (!is_as_before) registry_.update(*agent, now);
            if (evicting && now - agent->heartbeat >= settings_.eviction_age) silent.push_back(agent);
        });
        for (const AgentPtr& agent : silent)
            evict(agent, effects);
        if (registry_.all_held_back()) {
            // No other agent is there, and a trial now is better than no work at all.
            registry_.each([&](const AgentPtr& agent) {
                agent->strikes.release();
                registry_.update(*agent, now);
            });
        }
        prefetcher_.expire(now);
        if (awaits_diffs_ && now - tip_since_ >= diff_patience()) {
            awaits_diffs_ = false;
            judge_all_steps(now, effects);
        }
    }
    fire(effects);
}

std::string Engine::tip_fault() const {
    const std::lock_guard lock(mutex_);
    if (!tip_) return {};
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall() - tip_->time);
    const auto most = settings_.source_max_age;
    if (clock_.wall() - tip_->time > most) {
        return fmt::format("block {}, the newest of the source, is {} s old: no tasks are sent beyond {} s",
                           tip_->height, age.count(), most.count());
    }
    if (tip_->time - clock_.wall() > most) {
        return fmt::format(
            "block {}, the newest of the source, is {} s ahead of this machine's clock: no tasks are sent "
            "beyond {} s",
            tip_->height, -age.count(), most.count());
    }
    return {};
}

void Engine::stalled(std::chrono::nanoseconds lasted) {
    const Clock::Steady now = clock_.steady();
    const std::lock_guard lock(mutex_);
    counters_.stalls.add();
    excused_until_ = now;
    registry_.each([&](const AgentPtr& agent) {
        agent->heartbeat = std::min(agent->heartbeat + lasted, now);
        for (const auto* batches : {&agent->batches, &agent->orphans}) {
            for (const BatchPtr& batch : *batches)
                batch->deadline += lasted;
        }
        agent->recording_since = now;  // this time is excused already
        registry_.update(*agent, now);
    });
}

void Engine::set_on_hold(bool is_on_hold) {
    const Clock::Steady now = clock_.steady();
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        if (on_hold_ == is_on_hold) return;
        on_hold_ = is_on_hold;
        excused_until_ = now;
        registry_.each([&](const AgentPtr& agent) {
            if (!is_on_hold) {
                if (!agent->batches.empty()) announce(*agent, effects);
                return;
            }
            return_untaken(*agent);
            registry_.update(*agent, now);
        });
        effects.wake = !is_on_hold && book_.waiting() > 0;
    }
    fire(effects);
}

}  // namespace ioswarm
