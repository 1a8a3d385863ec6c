// SPDX-License-Identifier: Apache-2.0
// Input from the source, and the views of the engine's state.
#include <algorithm>
#include <utility>

#include "core/coordinator/engine.hpp"

namespace ioswarm {
namespace {
// An agent counts as live for this long after its last heartbeat.
constexpr std::chrono::seconds kLiveFor{60};
/// A lower tip is taken when the source has told only lower ones for this long.
constexpr std::chrono::seconds kLowerTipAfter{30};
}  // namespace

/// A source behind a load balancer may sometimes answer with an older tip, which must not count. But if a tip
/// was wrong, all true ones are lower until the chain gets there, so in the end they must count. Returns true
/// if `tip` is to be taken although it is lower.
bool Engine::is_lower_tip_due(const ChainTip& tip, Clock::Steady now) {
    if (!tip_ || tip.height >= tip_->height) {
        lower_since_.reset();
        return false;
    }
    if (!lower_since_) lower_since_ = now;
    if (now - *lower_since_ < kLowerTipAfter) return false;
    lower_since_.reset();
    return true;
}

bool Engine::update_pool(std::span<const PoolActionPtr> pending, const ChainTip& tip,
                         const TaskBook::AnsweredBefore& answered_before) {
    const Clock::Steady now = clock_.steady();
    Effects effects;
    bool has_new = false;
    {
        const std::lock_guard lock(mutex_);
        const bool is_lowered = is_lower_tip_due(tip, now);
        const bool is_newer = !tip_ || tip.height > tip_->height;
        if (is_lowered) {
            effects.warnings.push_back(fmt::format(
                "block {} was the newest of the source, and for {} s the source has told lower ones: "
                "going on with block {} as the newest",
                tip_->height, kLowerTipAfter.count(), tip.height));
            book_.lower_tip(tip.height);
            counters_.tips_lowered.add();
        }
        if (is_newer || is_lowered) {
            earlier_tip_ = tip_ && is_newer ? tip_->height : tip.height;
            tip_since_ = now;
            awaits_diffs_ = true;
        }
        if (is_newer || is_lowered || tip.height == tip_->height) tip_ = tip;
        if (is_newer || is_lowered) judge_all_steps(now, effects);
        has_new = book_.update_pool(pending, tip.height, answered_before);
    }
    fire(effects);
    return has_new;
}

void Engine::set_mined_before(std::vector<MinedBlock> blocks) {
    const std::lock_guard lock(mutex_);
    book_.set_mined_before(std::move(blocks));
}

void Engine::block_known(std::uint64_t height) {
    const std::lock_guard lock(mutex_);
    known_block_ = std::max(known_block_, height);
}

void Engine::on_block(const ExecutedBlock& block) {
    const std::lock_guard lock(mutex_);
    book_.on_block(block);
    if (!block_tip_ || block.height >= block_tip_->height)
        block_tip_ = ChainTip{block.height, block.time, block.base_fee_rau};
    counters_.blocks_compared.add();
    counters_.actions_unmatched.add(block.unmatched_actions);
    counters_.actions_unhashable.add(block.unhashable_actions);
}

std::vector<DispatchedAction> Engine::unanswered(const ExecutedBlock& block) const {
    const std::lock_guard lock(mutex_);
    return book_.unanswered(block);
}

std::vector<Hash256> Engine::take_forgotten() {
    const std::lock_guard lock(mutex_);
    return book_.take_forgotten();
}

bool Engine::wanted(const AccountReadPtr& read) {
    const std::lock_guard lock(mutex_);
    return prefetcher_.wanted(read);
}

void Engine::reads_done(const AccountReadPtr& read, std::vector<Result<AccountPtr>> answers) {
    Effects effects;
    {
        const std::lock_guard lock(mutex_);
        prefetcher_.done(read, std::move(answers));
        effects.wake = true;
    }
    fire(effects);
}

bool Engine::waits_for_poll() const {
    const std::lock_guard lock(mutex_);
    return prefetcher_.waits_for_poll();
}

std::optional<Error> Engine::accounts_fault() const {
    const std::lock_guard lock(mutex_);
    return prefetcher_.fault();
}

bool Engine::reads_one_behind() const {
    const std::lock_guard lock(mutex_);
    return prefetcher_.reads_one_behind();
}

std::optional<ChainTip> Engine::tip() const {
    const std::lock_guard lock(mutex_);
    return tip_;
}

std::uint64_t Engine::open_tasks() const {
    std::uint64_t open = 0;
    const std::lock_guard lock(mutex_);
    registry_.each([&](const AgentPtr& agent) { open += agent->open_tasks; });
    return open;
}

void Engine::describe(StatusView& view) const {
    const Clock::Steady now = clock_.steady();
    const Clock::Wall wall = clock_.wall();
    const std::lock_guard lock(mutex_);
    view.uptime = now - started_;
    view.agents_total = static_cast<std::uint32_t>(registry_.size());
    registry_.each([&](const AgentPtr& agent) {
        if (agent->gone || now - agent->heartbeat > kLiveFor) return;
        ++view.agents_live;
        ++view.live_by_level[to_string(agent->capability)];
        ++view.live_by_region[agent->region];
    });
    view.tasks_dispatched = dispatched_;
    view.shadow_mode = settings_.shadow_mode;
    view.task_level = settings_.task_level;
    if (tip_) {
        view.height = tip_->height;
        view.source_age = std::chrono::duration_cast<std::chrono::seconds>(wall - tip_->time);
    }
    view.coverage = book_.coverage();
}

/// Brings the gauges up to date.
void Engine::set_gauges() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t open = 0;
    registry_.each([&](const AgentPtr& agent) { open += agent->open_tasks; });
    counters_.tasks_known.set(book_.size());
    counters_.tasks_waiting.set(book_.waiting());
    counters_.tasks_with_agents.set(open);
}

std::vector<AgentView> Engine::agents() const {
    const Clock::Steady now = clock_.steady();
    std::vector<AgentView> views;
    {
        const std::lock_guard lock(mutex_);
        views.reserve(registry_.size());
        registry_.each([&](const AgentPtr& agent) {
            AgentView& view = views.emplace_back();
            view.id = *agent->name;
            view.region = agent->region;
            view.version = agent->version;
            view.level = agent->capability;
            view.wallet_fault = agent->wallet_fault;
            view.tasks_processed = agent->tasks_processed;
            view.tasks_pending = agent->open_tasks;
            view.cpu_usage = agent->cpu_usage;
            view.mem_usage = agent->mem_usage;
            view.last_heartbeat = agent->heartbeat_wall;
            view.uptime = now - agent->since;
            view.is_gone = agent->gone;
        });
    }
    std::sort(views.begin(), views.end(), [](const AgentView& a, const AgentView& b) {
        return a.tasks_processed != b.tasks_processed ? a.tasks_processed > b.tasks_processed : a.id < b.id;
    });
    return views;
}

}  // namespace ioswarm
