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

#include "core/accounting/payroll.hpp"
#include "core/coordinator/counters.hpp"
#include "core/coordinator/id_source.hpp"
#include "core/coordinator/task.hpp"
#include "core/model/settings.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm {

/// Blocks missed by more than this many (an hour of the chain) are not fetched any more. No answer we hold is
/// that old, and comparisons of new answers would have to wait.
inline constexpr std::uint64_t kMaxBlocksToCatchUp = 720;

/// The height up to which we know what was mined. Normally this is the last block processed. Blocks too far
/// behind will never be fetched and count as known too.
[[nodiscard]] constexpr std::uint64_t settled_height(std::uint64_t last_block, std::uint64_t tip) {
    const std::uint64_t given_up = tip > kMaxBlocksToCatchUp ? tip - kMaxBlocksToCatchUp : 0;
    return last_block > given_up ? last_block : given_up;
}

/// What is known from before a restart about an action that the pool lists.
struct AnsweredEarlier {
    std::vector<std::string> agents;  ///< the agents that answered it
    /// The raw ids under which the payroll holds their answers. They differ from the action's when the pool
    /// listed the same transaction in another envelope.
    std::vector<Hash256> raw_ids;
};

/// Holds one task per pool action until the action is mined or gone, and the queues in which tasks wait for
/// agents, oldest first. Its size follows the pool's. A task stays while its action is pending, then for
/// late_result_blocks (if mined) or forget_after_blocks (if gone). These count processed blocks, so nothing is
/// forgotten because its block comes late. Not thread-safe.
class TaskBook {
  public:
    /// Returns what was answered before a restart; empty for most actions.
    using AnsweredBefore = std::function<AnsweredEarlier(const PoolAction& action)>;

    static constexpr std::size_t kCoverageBlocks = 720;

    explicit TaskBook(const CoordinatorSettings& settings);

    /// Takes the current content of the pool at this tip. New actions become tasks; tasks whose action is no
    /// longer listed are withdrawn. Returns true if there were new actions.
    bool update_pool(std::span<const PoolActionPtr> pending, std::uint64_t tip,
                     const AnsweredBefore& answered_before);
    /// The source's tip was too high before: this is the true one. What is mined or answered stays as it is.
    void lower_tip(std::uint64_t tip);
    /// Takes the last blocks from before a restart, in ascending order, so that their actions are not taken for
    /// new ones while the source still lists them. Call it before the first update_pool().
    void set_mined_before(std::vector<MinedBlock> blocks);
    /// Marks the actions of a block as mined and removes tasks that are old enough.
    void on_block(const ExecutedBlock& block);

    /// The actions of the block that were given to agents and that no agent has answered.
    [[nodiscard]] std::vector<DispatchedAction> unanswered(const ExecutedBlock& block) const;
    /// The answered actions (by raw_id) that were forgotten since the last call.
    [[nodiscard]] std::vector<Hash256> take_forgotten() { return std::exchange(forgotten_, {}); }

    /// Call this when an answer to the task is durable.
    void answered(const Task& task);

    /// Puts the task into the queue where it belongs, or into none. Call it after any change to the task.
    void requeue(const TaskPtr& task);
    /// Gives the task to no agent any more.
    void give_up(const TaskPtr& task);
    /// True if the task's action was mined before this start: it was listed then, no agent had it, and its
    /// sender has used its nonce. Only the last blocks from before the start are known, see set_mined_before().
    [[nodiscard]] static bool was_mined_before(const Task& task);
    /// The task's action was mined in a block that is not known.
    void mined_before(const TaskPtr& task);
    /// True if the task's accounts were never read, or are too old for the tip.
    [[nodiscard]] bool needs_accounts(const Task& task) const;

    using Queue = std::map<std::uint64_t, TaskPtr>;  // key: Task::order
    [[nodiscard]] const Queue& queue(TaskQueue which) const { return queues_[static_cast<std::size_t>(which)]; }
    /// Number of tasks in all queues.
    [[nodiscard]] std::size_t waiting() const;
    [[nodiscard]] std::size_t size() const { return by_raw_id_.size(); }
    [[nodiscard]] std::uint64_t tip() const { return tip_; }
    /// Coverage over the last kCoverageBlocks blocks.
    [[nodiscard]] Coverage coverage() const { return coverage_; }

    /// Gives the task an id for the wire if it has none. No two tasks in the book share an id. Returns false if
    /// no numbers are left.
    [[nodiscard]] bool name(Task& task, IdSource& ids);

  private:
    void add(const PoolActionPtr& action, const AnsweredBefore& answered_before);
    void move(const TaskPtr& task, TaskQueue to);
    void withdraw(const TaskPtr& task, Fate fate, std::uint64_t height);
    void add_to_coverage(const Coverage& block);
    void bound_queues();
    void bound_mined();
    void forget_old();
    void forget(Task& task);
    void tell_forgotten(const Task& task);
    [[nodiscard]] std::uint64_t over_at(const Task& task) const;
    [[nodiscard]] bool accounts_wanted() const { return settings_.task_level >= TaskLevel::l2_state_verify; }

    const CoordinatorSettings& settings_;
    std::unordered_map<Hash256, TaskPtr, FixedBytesHash> by_raw_id_;
    std::unordered_map<Hash256, TaskPtr, FixedBytesHash> by_hash_;
    std::unordered_set<std::uint32_t> ids_;  // ids of the tasks in by_raw_id_
    std::array<Queue, 5> queues_;            // indexed by TaskQueue
    // Actions of the last blocks, to recognise them in a pool list that is older than the block.
    std::unordered_set<Hash256, FixedBytesHash> mined_;
    std::deque<MinedBlock> mined_blocks_;
    std::vector<Hash256> forgotten_;
    std::size_t pending_ = 0;         // number of tasks with Fate::pending
    std::vector<TaskPtr> withdrawn_;  // all other tasks, once each; also some that are pending again
    // No withdrawn task is due to be forgotten before this settled height.
    std::uint64_t forget_at_ = ~std::uint64_t{0};
    std::uint64_t first_tip_ = 0;  // tip of the first poll
    std::uint64_t tip_ = 0;
    std::uint64_t last_block_ = 0;
    std::uint64_t polls_ = 0;
    std::uint64_t next_order_ = 1;
    const TaskCounters counters_;
    Coverage coverage_;                    // sums over covered_blocks_
    std::deque<Coverage> covered_blocks_;  // oldest first
};

}  // namespace ioswarm
