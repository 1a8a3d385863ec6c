// SPDX-License-Identifier: Apache-2.0
// Dispatch to agents that hold the state themselves. A task of a pool at tip H goes to such an agent at L4 only
// after diff H was written to its diff stream. For a moment after each block no agent has the diff yet; tasks
// are given to them anyway and wait, in the agent's batch, for the diff. If an agent has not received the diff
// in time, it gets the tasks that agents below L4 get.
#include <algorithm>

#include "core/coordinator/engine.hpp"
#include "core/model/block_time.hpp"

namespace ioswarm {
namespace {

/// How long a diff may take after its block became the pool's tip. (This project's choice: a poll interval plus
/// the node's own delay. Blocks come every 2.5 s or more slowly.)
constexpr std::chrono::seconds kDiffPatience{2};

}  // namespace

std::chrono::nanoseconds Engine::diff_patience() const {
    return std::min<std::chrono::nanoseconds>(kDiffPatience, settings_.task_timeout / 2);
}

bool Engine::is_in_step(const Agent& agent) const {
    return tip_ && agent.diffs_to != 0 && agent.diffs_to >= tip_->height;
}

/// Call this after any of its inputs changed: the tip, the time since the tip, the agent's level, or the diffs
/// written to it.
void Engine::judge_step(Agent& agent, Clock::Steady now, Effects& effects) {
    const bool can =
        settings_.task_level == TaskLevel::l4_state_sync && agent.level == TaskLevel::l4_state_sync;
    const bool is_near = awaits_diffs_ && agent.diffs_to != 0 && agent.diffs_to >= earlier_tip_;
    const bool gets = can && (is_in_step(agent) || is_near);
    if (gets != agent.gets_l4) {
        agent.gets_l4 = gets;
        registry_.update(agent, now);
    }
    if (!can) return;
    const auto waits = [&](const BatchPtr& batch) { return !batch->sent && !awaits_diff(agent, *batch, now); };
    if (std::any_of(agent.batches.begin(), agent.batches.end(), waits)) announce(agent, effects);
}

void Engine::judge_all_steps(Clock::Steady now, Effects& effects) {
    if (settings_.task_level != TaskLevel::l4_state_sync) return;
    registry_.each([&](const AgentPtr& agent) { judge_step(*agent, now, effects); });
    effects.wake = effects.wake || book_.waiting() > 0;
}

bool Engine::awaits_diff(const Agent& agent, const Batch& batch, Clock::Steady now) const {
    if (is_in_step(agent) || !agent.gets_l4 || now - tip_since_ >= diff_patience()) return false;
    return std::any_of(batch.tasks.begin(), batch.tasks.end(), [](const GivenTask& given) {
        return given.state == PartState::holding && given.level == TaskLevel::l4_state_sync;
    });
}

void Engine::diffs_written(const std::string& agent_id, std::uint64_t height) {
    if (settings_.task_level != TaskLevel::l4_state_sync) return;
    const Clock::Steady now = clock_.steady();
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        if (height == 0) {
            diffs_to_.erase(agent_id);
        } else {
            diffs_to_[agent_id] = height;
        }
        const AgentPtr agent = registry_.find(agent_id);
        if (!agent) return;
        agent->diffs_to = height;
        const bool got = agent->gets_l4;
        judge_step(*agent, now, effects);
        effects.wake = got != agent->gets_l4 && book_.waiting() > 0;
    }
    fire(effects);
}

/// The block in which a transaction of the pool is to run: the one after the tip.
BlockContext Engine::next_block() const {
    return tip_ ? block_after(*tip_, tip_->height) : BlockContext{};
}

/// The block after the one at `height`, which is not below the tip's.
BlockContext Engine::block_after(const ChainTip& tip, std::uint64_t height) const {
    const auto at = later_block_time(tip.time, settings_.block_interval, height - tip.height + 1);
    return {static_cast<std::uint64_t>(std::max<std::int64_t>(at.count(), 0)), settings_.block_gas_limit,
            to_decimal(tip.base_fee_rau), settings_.coinbase, height + 1};
}

}  // namespace ioswarm
