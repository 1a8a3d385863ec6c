// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/accounting/accounting.hpp"
#include "core/coordinator/id_source.hpp"
#include "core/coordinator/task.hpp"
#include "core/model/settings.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm {

/// Beyond this many blocks behind (an hour of the chain), what was missed is not fetched any more: no answer
/// held is that old, and comparisons of new ones would wait for it.
inline constexpr std::uint64_t kMaxBlocksToCatchUp = 720;

/// The height up to which it is known what was mined: the last block taken, or, where blocks are too far behind
/// to be caught up, those that will never be.
[[nodiscard]] constexpr std::uint64_t settled_height(std::uint64_t last_block, std::uint64_t tip) {
    const std::uint64_t given_up = tip > kMaxBlocksToCatchUp ? tip - kMaxBlocksToCatchUp : 0;
    return last_block > given_up ? last_block : given_up;
}

/// What happened to tasks, ever since start.
struct TaskCounters {
    std::uint64_t created = 0;
    std::uint64_t dropped = 0;    ///< oldest of a full queue
    std::uint64_t given_up = 0;   ///< tried on as many agents as allowed
    std::uint64_t forgotten = 0;  ///< left the pool without being mined, long ago
    std::uint64_t mined = 0;
    std::uint64_t mined_unseen = 0;     ///< actions mined that no look at the pool had shown
    std::uint64_t actions_mined = 0;    ///< after the first look at the pool, the chain's own left out
    std::uint64_t actions_covered = 0;  ///< of those: handed out to an agent before their block
};

/// Every action that is pending, one task each, until it is mined or gone; and the queues in which tasks wait
/// for agents, oldest first. Its size follows the pool's: a task stays as long as its action is pending, then
/// late_result_blocks (mined) or forget_after_blocks (gone), counted in blocks taken, so that nothing is
/// forgotten because its block comes late. Not thread-safe.
class TaskBook {
  public:
    /// Agents that answered this action before a restart; empty for most.
    using AnsweredBefore = std::function<std::vector<std::string>(const Hash256& raw_id)>;

    static constexpr std::size_t kCoverageBlocks = 720;

    explicit TaskBook(const CoordinatorSettings& settings);

    /// The pool as it is now, at this tip. New actions become tasks, those that are not in it any more are
    /// withdrawn.
    void update_pool(std::span<const PoolActionPtr> pending, std::uint64_t tip,
                     const AnsweredBefore& answered_before);
    /// The actions of a block are mined; what has aged by it is removed.
    void on_block(const ExecutedBlock& block);

    /// Actions of the block that agents have and none has answered.
    [[nodiscard]] std::vector<DispatchedAction> unanswered(const ExecutedBlock& block) const;
    /// Answered actions (by raw_id) forgotten since the last call.
    [[nodiscard]] std::vector<Hash256> take_forgotten() { return std::exchange(forgotten_, {}); }

    /// An answer to it is durable now.
    void answered(const Task& task);

    /// Puts the task into the queue it belongs in, or in none: after anything about it changed.
    void requeue(const TaskPtr& task);
    /// No agent gets it any more.
    void give_up(const TaskPtr& task);
    /// Its accounts are too old for the tip, or were never read.
    [[nodiscard]] bool needs_accounts(const Task& task) const;

    using Queue = std::map<std::uint64_t, TaskPtr>;  // by Task::order
    [[nodiscard]] const Queue& queue(TaskQueue which) const { return queues_[static_cast<std::size_t>(which)]; }
    /// Tasks in all queues.
    [[nodiscard]] std::size_t waiting() const;
    [[nodiscard]] std::size_t size() const { return by_raw_id_.size(); }
    [[nodiscard]] std::uint64_t tip() const { return tip_; }
    [[nodiscard]] const TaskCounters& counters() const { return counters_; }
    /// Of the last kCoverageBlocks blocks.
    [[nodiscard]] Coverage coverage() const { return coverage_; }

    /// Gives the task its id on the wire when it has none; no other task alive has the same. False: out of
    /// numbers.
    [[nodiscard]] bool name(Task& task, IdSource& ids);

  private:
    void add(const PoolActionPtr& action, const AnsweredBefore& answered_before);
    void move(const TaskPtr& task, TaskQueue to);
    void withdraw(const TaskPtr& task, Fate fate, std::uint64_t height);
    void add_to_coverage(const Coverage& block);
    void bound_queues();
    void forget_old();
    void forget(Task& task);
    [[nodiscard]] std::uint64_t over_at(const Task& task) const;
    [[nodiscard]] bool accounts_wanted() const { return settings_.task_level >= TaskLevel::l2_state_verify; }

    const CoordinatorSettings& settings_;
    std::unordered_map<Hash256, TaskPtr, FixedBytesHash> by_raw_id_;
    std::unordered_map<Hash256, TaskPtr, FixedBytesHash> by_hash_;
    std::unordered_set<std::uint32_t> ids_;  // of the tasks in by_raw_id_
    std::array<Queue, 5> queues_;            // by TaskQueue
    // Actions of the last blocks, for a pool list that is older than the block.
    std::unordered_set<Hash256, FixedBytesHash> mined_;
    struct MinedBlock {
        std::uint64_t height;
        std::vector<Hash256> actions;
    };
    std::deque<MinedBlock> mined_blocks_;
    std::vector<Hash256> forgotten_;
    std::size_t pending_ = 0;                      // tasks whose fate is that
    std::vector<TaskPtr> withdrawn_;               // the others, once each; also some that are pending again
    std::uint64_t forget_at_ = ~std::uint64_t{0};  // no withdrawn one is over before this settled height
    std::uint64_t first_tip_ = 0;                  // of the first poll
    std::uint64_t tip_ = 0;
    std::uint64_t last_block_ = 0;
    std::uint64_t polls_ = 0;
    std::uint64_t next_order_ = 1;
    TaskCounters counters_;
    Coverage coverage_;                    // sums over covered_blocks_
    std::deque<Coverage> covered_blocks_;  // the last ones, oldest first
};

}  // namespace ioswarm
