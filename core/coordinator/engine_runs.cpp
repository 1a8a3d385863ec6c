// SPDX-License-Identifier: Apache-2.0
// Runs transactions for agents that execute them: which runs to make, and how the agents' answers compare with
// them.
#include <algorithm>
#include <string>
#include <utility>

#include "core/coordinator/engine.hpp"

namespace ioswarm {
namespace {

constexpr std::chrono::hours kDifferenceLoggedEvery{1};

}  // namespace

void Engine::enable_runs() {
    const std::lock_guard lock(mutex_);
    runs_enabled_ = true;
    prefetcher_.count_runs(settings_.metrics);
}

std::vector<RunRequestPtr> Engine::take_runs() {
    std::vector<RunRequestPtr> out;
    const Clock::Steady now = clock_.steady();
    const std::lock_guard lock(mutex_);
    for (PlannedRun& planned : prefetcher_.take_runs(now)) {
        auto request = std::make_shared<RunRequest>();
        request->reading = planned.reading;
        request->height = planned.height;
        request->action = planned.task->action;
        request->sender = planned.task->sender;
        request->receiver = planned.task->receiver;
        request->for_l4 = settings_.task_level == TaskLevel::l4_state_sync;
        // The block stream is often ahead of the last poll, so its block is used if it fits.
        const bool by_block = block_tip_ && block_tip_->height == planned.height;
        ChainTip tip = by_block ? *block_tip_ : tip_.value_or(ChainTip{});
        tip.height = std::min(tip.height, planned.height);
        request->block = block_after(tip, planned.height);
        request->task = std::move(planned.task);
        out.push_back(std::move(request));
    }
    return out;
}

bool Engine::wanted(const RunRequest& run) {
    const std::lock_guard lock(mutex_);
    return Prefetcher::wanted(run);
}

void Engine::run_done(const RunRequest& run, RunAnswer answer) {
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        prefetcher_.done(run, std::move(answer));
        effects.wake = true;
    }
    fire(effects);
}

/// True if the answer is that of an agent that executed the transaction. If the agent was sent one copy that it
/// executes and another that it does not, the answer tells which one it belongs to: every execution has gas, a
/// log or an error.
bool Engine::is_executed(const GivenTask& given, const TaskResult& result) {
    if (given.level < TaskLevel::l3_full_execute || !given.task->action->evm_tx) return false;
    return !given.lowered || result.gas_used != 0 || !result.logs.empty() || !result.exec_error.empty() ||
           !result.state_changes.empty() || !result.return_data.empty();
}

/// Logs differences once per hour and agent; /swarm/shadow counts all of them.
RunComparison Engine::compare_run(Agent& agent, const GivenTask& given, const TaskResult& result,
                                  Clock::Steady now, Effects& effects) {
    if (!given.run) return {};
    const bool at_l4 = given.level == TaskLevel::l4_state_sync;
    const RunOutcome& run = at_l4 ? given.run->at_l4 : given.run->at_l3;
    const RunComparison out = compare_with_run(run, result, at_l4);
    if (out.own == OwnRun::none) return out;
    const bool valid_differs = result.valid != (out.own == OwnRun::valid);
    const bool gas_differs = out.gas == Agreement::differs;
    const bool state_differs = out.state == Agreement::differs;
    if (!valid_differs && !gas_differs && !state_differs) return out;
    counters_.answers_unlike_our_run.add();
    auto& logged = agent.difference_logged;
    if (logged && now - *logged < kDifferenceLoggedEvery) return out;
    logged = now;
    std::string what;
    const auto add = [&what](std::string text) { what += (what.empty() ? "" : "; ") + std::move(text); };
    if (valid_differs)
        add(fmt::format("the agent says valid={}, our run valid={}", result.valid, out.own == OwnRun::valid));
    if (gas_differs) add(fmt::format("the agent used {} gas, our run {}", result.gas_used, run.gas_used));
    if (state_differs)
        add(fmt::format("its {} state changes are not the {} of our run", result.state_changes.size(),
                        run.changes.size()));
    const PoolAction& action = *given.task->action;
    effects.warnings.push_back(fmt::format(
        "agent {} executed transaction {} at {} otherwise than this program: {} (told once per agent and hour; "
        "/swarm/shadow counts all)",
        *agent.name, to_hex0x(action.hash ? action.hash->view() : action.raw_id.view()), to_string(given.level),
        what));
    return out;
}

}  // namespace ioswarm
