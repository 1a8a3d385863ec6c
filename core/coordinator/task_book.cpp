// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/task_book.hpp"

#include <algorithm>
#include <utility>

namespace ioswarm {
namespace {
// Accounts read one block ago are still accepted: a read takes a moment, and a block may come meanwhile.
constexpr std::uint64_t kAccountsGoodForBlocks = 1;
constexpr std::uint64_t kNever = ~std::uint64_t{0};
}  // namespace

TaskBook::TaskBook(const CoordinatorSettings& settings) : settings_(settings), counters_(settings.metrics) {}

bool TaskBook::update_pool(std::span<const PoolActionPtr> pending, std::uint64_t tip,
                           const AnsweredBefore& answered_before) {
    if (++polls_ == 1) first_tip_ = tip;
    tip_ = std::max(tip_, tip);
    std::size_t seen = 0;
    bool has_new = false;
    for (const PoolActionPtr& action : pending) {
        auto at = by_raw_id_.find(action->raw_id);
        TaskPtr known = at == by_raw_id_.end() ? nullptr : at->second;
        if (!known && action->hash) {
            // The same transaction in a different envelope is the same task.
            const auto same = by_hash_.find(*action->hash);
            if (same != by_hash_.end()) known = same->second;
        }
        if (!known) {
            if (action->hash && mined_.contains(*action->hash)) continue;
            add(action, answered_before);
            has_new = true;
            ++seen;
            continue;
        }
        if (known->fate == Fate::gone) {
            known->fate = Fate::pending;
            ++pending_;
            requeue(known);
        }
        if (known->fate == Fate::pending && known->seen_in_poll != polls_) ++seen;
        known->seen_in_poll = polls_;
    }
    if (seen != pending_) {
        for (const auto& [raw_id, task] : by_raw_id_) {
            if (task->seen_in_poll != polls_ && task->fate == Fate::pending)
                withdraw(task, Fate::gone, std::max(tip_, last_block_));
        }
    }
    forget_old();
    bound_queues();
    return has_new;
}

void TaskBook::add(const PoolActionPtr& action, const AnsweredBefore& answered_before) {
    auto task = std::make_shared<Task>();
    task->action = action;
    task->order = next_order_++;
    task->agents_wanted = settings_.task_redundancy;
    task->tries_left = settings_.task_redundancy * settings_.task_attempts;
    task->seen_in_poll = polls_;
    task->listed_at_start = polls_ == 1;
    AnsweredEarlier earlier = answered_before(*action);
    for (std::string& agent : earlier.agents) {
        if (task->missing() == 0) break;
        task->parts.push_back({std::make_shared<const std::string>(std::move(agent)), PartState::answered});
    }
    std::erase(earlier.raw_ids, action->raw_id);
    task->answered_as = std::move(earlier.raw_ids);
    by_raw_id_.emplace(action->raw_id, task);
    if (action->hash) by_hash_.emplace(*action->hash, task);
    counters_.created.add();
    ++pending_;
    requeue(task);
}

bool TaskBook::needs_accounts(const Task& task) const {
    return accounts_wanted() && (task.accounts_height == 0 || task.accounts_height > tip_ ||
                                 task.accounts_height + kAccountsGoodForBlocks < tip_);
}

void TaskBook::requeue(const TaskPtr& task) {
    if (task->fate != Fate::pending || task->given_up || task->missing() == 0)
        return move(task, TaskQueue::none);
    if (task->tries_left == 0) {
        counters_.given_up.add();
        return give_up(task);
    }
    if (needs_accounts(*task)) {
        return move(task, task->read_alone && task->reading == 0 ? TaskQueue::unreadable : TaskQueue::unread);
    }
    move(task, task->parts.empty() ? TaskQueue::fresh : TaskQueue::again);
}

bool TaskBook::was_mined_before(const Task& task) {
    return task.listed_at_start && task.parts.empty() && task.sender && task.sender->nonce > task.action->nonce;
}

void TaskBook::mined_before(const TaskPtr& task) {
    if (task->fate == Fate::mined) return;
    counters_.mined_before.add();
    withdraw(task, Fate::mined, std::max(tip_, last_block_));
}

void TaskBook::give_up(const TaskPtr& task) {
    task->given_up = true;
    move(task, TaskQueue::none);
    if (settings_.on_given_up) settings_.on_given_up(task->action->raw_id);
}

void TaskBook::move(const TaskPtr& task, TaskQueue to) {
    if (task->queue == to) return;
    if (task->queue != TaskQueue::none) queues_[static_cast<std::size_t>(task->queue)].erase(task->order);
    if (to != TaskQueue::none) queues_[static_cast<std::size_t>(to)].emplace(task->order, task);
    task->queue = to;
}

void TaskBook::withdraw(const TaskPtr& task, Fate fate, std::uint64_t height) {
    if (task->fate == Fate::pending) --pending_;
    task->fate = fate;
    task->fate_height = height;
    move(task, TaskQueue::none);
    if (!std::exchange(task->withdrawn, true)) withdrawn_.push_back(task);
    forget_at_ = std::min(forget_at_, over_at(*task));
}

/// The settled height at which the task is forgotten.
std::uint64_t TaskBook::over_at(const Task& task) const {
    return task.fate_height +
           (task.fate == Fate::gone ? settings_.forget_after_blocks : settings_.late_result_blocks);
}

std::size_t TaskBook::waiting() const {
    std::size_t count = 0;
    for (const Queue& queue : queues_)
        count += queue.size();
    return count;
}

void TaskBook::bound_queues() {
    const std::size_t most = std::size_t{settings_.max_queued_batches} * settings_.max_batch_size;
    for (std::size_t over = waiting(); over > most; --over) {
        const Queue* oldest = nullptr;
        for (const Queue& queue : queues_) {
            if (!queue.empty() && (!oldest || queue.begin()->first < oldest->begin()->first)) oldest = &queue;
        }
        counters_.dropped.add();
        give_up(TaskPtr(oldest->begin()->second));
    }
}

void TaskBook::on_block(const ExecutedBlock& block) {
    tip_ = std::max(tip_, block.height);
    last_block_ = std::max(last_block_, block.height);
    MinedBlock mined{block.height, {}};
    Coverage covered;
    const bool is_watched = polls_ != 0 && block.height > first_tip_;
    mined.actions.reserve(block.receipts.size());
    for (const Receipt& receipt : block.receipts) {
        const bool is_new = mined_.insert(receipt.action_hash).second;
        if (is_new) mined.actions.push_back(receipt.action_hash);
        const auto at = by_hash_.find(receipt.action_hash);
        const bool from_pool = receipt.gas_consumed != 0;  // the chain's own actions consume no gas
        if (is_new && from_pool && is_watched) {
            ++covered.mined;
            if (at != by_hash_.end() && at->second->handed_out) ++covered.handed_out;
            if (at == by_hash_.end()) counters_.mined_unseen.add();
        }
        if (at == by_hash_.end()) continue;
        if (at->second->fate == Fate::mined) continue;
        withdraw(at->second, Fate::mined, block.height);
        counters_.mined.add();
    }
    if (is_watched) add_to_coverage(covered);
    mined_blocks_.push_back(std::move(mined));
    bound_mined();
    forget_old();
}

void TaskBook::lower_tip(std::uint64_t tip) {
    tip_ = tip;
    first_tip_ = std::min(first_tip_, tip);
    const std::uint64_t newest = std::max(tip, last_block_);
    for (const auto& [raw_id, task] : by_raw_id_) {
        // Otherwise the task would be kept until the chain has got as far as the wrong tip.
        if (task->fate == Fate::gone) task->fate_height = std::min(task->fate_height, newest);
        requeue(task);  // its accounts may be of a block that is not there
    }
    forget_at_ = 0;  // is computed again
}

void TaskBook::set_mined_before(std::vector<MinedBlock> blocks) {
    for (MinedBlock& block : blocks) {
        mined_.insert(block.actions.begin(), block.actions.end());
        mined_blocks_.push_back(std::move(block));
    }
    bound_mined();
}

void TaskBook::bound_mined() {
    while (mined_blocks_.size() > settings_.late_result_blocks) {
        for (const Hash256& hash : mined_blocks_.front().actions)
            mined_.erase(hash);
        mined_blocks_.pop_front();
    }
}

void TaskBook::add_to_coverage(const Coverage& block) {
    counters_.actions_mined.add(block.mined);
    counters_.actions_covered.add(block.handed_out);
    covered_blocks_.push_back(block);
    coverage_.mined += block.mined;
    coverage_.handed_out += block.handed_out;
    if (covered_blocks_.size() <= kCoverageBlocks) return;
    coverage_.mined -= covered_blocks_.front().mined;
    coverage_.handed_out -= covered_blocks_.front().handed_out;
    covered_blocks_.pop_front();
}

void TaskBook::forget_old() {
    const std::uint64_t settled = settled_height(last_block_, tip_);
    if (settled < forget_at_) return;
    forget_at_ = kNever;
    std::erase_if(withdrawn_, [&](const TaskPtr& task) {
        if (task->fate == Fate::pending) {
            task->withdrawn = false;
            return true;
        }
        // While the source still lists a mined action, the task is kept, so that it is not dispatched again.
        const bool listed = task->fate == Fate::mined && task->seen_in_poll == polls_;
        if (over_at(*task) > settled || listed) {
            forget_at_ = std::min(forget_at_, over_at(*task));
            return false;
        }
        forget(*task);
        return true;
    });
}

void TaskBook::forget(Task& task) {
    if (task.fate == Fate::gone) {
        counters_.forgotten.add();
        task.forgotten = true;
        const auto answered = [](const Task::Part& p) { return p.state == PartState::answered; };
        if (std::any_of(task.parts.begin(), task.parts.end(), answered)) tell_forgotten(task);
    }
    if (task.id != 0) ids_.erase(task.id);
    if (task.action->hash) by_hash_.erase(*task.action->hash);
    by_raw_id_.erase(task.action->raw_id);
}

void TaskBook::tell_forgotten(const Task& task) {
    forgotten_.push_back(task.action->raw_id);
    forgotten_.insert(forgotten_.end(), task.answered_as.begin(), task.answered_as.end());
}

void TaskBook::answered(const Task& task) {
    // The answer was being recorded when the task was forgotten, so the payroll must forget it too.
    if (task.forgotten) forgotten_.push_back(task.action->raw_id);
}

std::vector<DispatchedAction> TaskBook::unanswered(const ExecutedBlock& block) const {
    std::vector<DispatchedAction> out;
    for (const Receipt& receipt : block.receipts) {
        const auto at = by_hash_.find(receipt.action_hash);
        if (at == by_hash_.end() || at->second->id == 0) continue;
        const auto& parts = at->second->parts;
        const bool answered = std::any_of(parts.begin(), parts.end(),
                                          [](const Task::Part& p) { return p.state == PartState::answered; });
        if (!answered) out.push_back({receipt.action_hash, at->second->action->sender});
    }
    return out;
}

bool TaskBook::name(Task& task, IdSource& ids) {
    while (task.id == 0) {
        const auto number = ids.next();
        if (!number) return false;
        const auto id = static_cast<std::uint32_t>(*number);  // task_id has 32 bits on the wire
        if (id != 0 && ids_.insert(id).second) task.id = id;
    }
    return true;
}

}  // namespace ioswarm
