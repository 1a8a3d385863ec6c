// SPDX-License-Identifier: Apache-2.0
// Handing out: what an agent's stream takes, at which level each task goes, and the message that is made of it.
#include <algorithm>
#include <utility>

#include "core/base/unix_time.hpp"
#include "core/coordinator/engine.hpp"

namespace ioswarm {
namespace {

/// Maximum size of code and slots in one batch, not counting its first task. It is far below the message size
/// that deployed agents accept (32 MiB; their JSON is a third larger than the size counted here). Code is what
/// a hostile transaction could use to make tasks large.
constexpr std::size_t kMaxRunBytesPerBatch = std::size_t{4} << 20;

/// The data of one task that goes to an agent. It is copied under the lock; the message is built without it.
struct Item {
    PoolActionPtr action;
    AccountPtr sender;
    AccountPtr receiver;
    TaskRunPtr run;
    std::uint32_t id;
    TaskLevel level;
    std::uint64_t height;
};

/// `tip` is the height of the source's newest block, `height` that of the newest block in the task book.
Item item_of(const Task& task, const TaskRunPtr& run, TaskLevel level, std::uint64_t tip,
             std::uint64_t height) {
    Item out{task.action, nullptr, nullptr, run, task.id, level, height};
    if (level < kWithoutRun) return out;
    out.sender = run ? run->sender : task.sender;
    out.receiver = run ? run->receiver : task.receiver;
    if (level == TaskLevel::l4_state_sync) {
        out.height = run ? run->height : tip;
    } else {
        out.height = run ? run->height : task.accounts_height;
    }
    return out;
}

TaskPackage package_of(const Item& item, const BlockContext& next_block) {
    TaskPackage package;
    package.task_id = item.id;
    package.tx_raw = item.action->raw;
    package.level = item.level;
    if (item.sender) package.sender = *item.sender;
    if (item.receiver) package.receiver = *item.receiver;
    package.block_height = item.height;
    if (item.level < TaskLevel::l3_full_execute || !item.action->evm_tx) return package;
    package.evm_tx = item.action->evm_tx;
    package.block_context = item.run ? item.run->block : next_block;
    if (item.level == TaskLevel::l3_full_execute && item.run) add_run_data(*item.run, package);
    return package;
}

}  // namespace

/// True if the batch with this task's run is still small enough for one message.
bool Engine::fits(const Batch& batch, const GivenTask& given) {
    std::size_t others = 0;
    for (const GivenTask& other : batch.tasks) {
        if (&other != &given && other.run && other.level == TaskLevel::l3_full_execute)
            others += other.run->bytes;
    }
    return others == 0 || others + given.run->bytes <= kMaxRunBytesPerBatch;
}

/// True if the agent would execute the task at its level.
bool Engine::executes(const Agent& agent, const GivenTask& given) const {
    if (agent.level != given.level) return false;
    return given.level == TaskLevel::l4_state_sync ? is_in_step(agent) : given.run != nullptr;
}

/// Called when the agent's stream takes the task. Returns the level at which the task is sent. The level for
/// which the task was given may no longer apply. A task that is sent a second time, because the stream was cut,
/// keeps the level and the run of the first time if the agent executes it, since the agent may answer either
/// copy.
TaskLevel Engine::settle_level(const Agent& agent, const Batch& batch, GivenTask& given) {
    const Task& task = *given.task;
    const bool is_again = std::exchange(given.sent, true);
    if (is_again && given.level >= TaskLevel::l3_full_execute && task.action->evm_tx) {
        if (executes(agent, given)) return given.level;
        given.lowered = true;
        return std::min(agent.level, kWithoutRun);
    }
    TaskLevel most = kWithoutRun;
    if (agent.level == TaskLevel::l4_state_sync) {
        if (is_in_step(agent)) most = TaskLevel::l4_state_sync;
    } else if (task.run && task.run->suits_l3) {
        most = TaskLevel::l3_full_execute;
    }
    given.level = std::min({given.level, agent.level, most});
    const bool at_l4 = given.level == TaskLevel::l4_state_sync;
    const bool has_run =
        at_l4 ? task.run && task.run->height == tip_->height : given.level == TaskLevel::l3_full_execute;
    given.run = has_run ? task.run : nullptr;
    if (given.run && !at_l4 && !fits(batch, given)) {
        given.level = kWithoutRun;
        given.run = nullptr;
        counters_.tasks_lowered_batch_full.add();
    }
    if (!is_again && given.level >= TaskLevel::l3_full_execute && task.action->evm_tx)
        (at_l4 ? counters_.tasks_given_at_l4 : counters_.tasks_given_at_l3).add();
    return given.level;
}

/// Returns a batch without tasks if the stream was silent for too long, else null.
std::shared_ptr<const TaskBatch> Engine::take_idle_batch(Agent& agent, Clock::Steady now) {
    if (!std::exchange(agent.idle_due, false)) return nullptr;
    agent.stream_used = now;
    auto out = std::make_shared<TaskBatch>();
    out->timestamp = static_cast<std::uint64_t>(unix_ms(clock_.wall()));
    out->batch_id = idle_batch_name(out->timestamp, ++idle_batches_);
    agent.idle_batch = out->batch_id;
    counters_.idle_batches_sent.add();
    return out;
}

std::shared_ptr<const TaskBatch> Engine::take(const AgentPtr& agent, const SinkGate* gate) {
    std::vector<Item> items;
    BlockContext next;
    std::uint64_t number = 0;
    {
        const std::lock_guard lock(mutex_);
        if (agent->stream.get() != gate) return nullptr;
        agent->announced = false;
        const Clock::Steady now = clock_.steady();
        if (std::exchange(agent->stuck, false)) {
            registry_.update(*agent, now);
            wake_->raise();
        }
        if (on_hold_) return take_idle_batch(*agent, now);  // on_ready is called again when the hold ends
        for (const BatchPtr& batch : agent->batches) {
            if (batch->sent) continue;
            // on_ready is called again when the agent has answered a batch that it holds. Until then the
            // tasks gather in the batches that wait.
            if (!batch->taken && !registry_.may_take(*agent)) break;
            // on_ready is called again when the diff is written, or when the wait is over.
            if (awaits_diff(*agent, *batch, now)) return take_idle_batch(*agent, now);
            for (; batch->next < batch->tasks.size() && items.size() < agent->batch_size; ++batch->next) {
                GivenTask& given = batch->tasks[batch->next];
                // The action was mined or left the pool while it waited here, so no answer is needed.
                if (!given.sent && given.task->fate != Fate::pending) take_back(*agent, *batch, given, false);
                if (given.state != PartState::holding) continue;
                if (!given.sent) ++dispatched_;
                const TaskLevel level = settle_level(*agent, *batch, given);
                given.task->handed_out = true;
                const TaskRunPtr run = level >= TaskLevel::l3_full_execute ? given.run : nullptr;
                items.push_back(item_of(*given.task, run, level, tip_->height, book_.tip()));
            }
            batch->sent = batch->next == batch->tasks.size();
            if (items.empty()) continue;
            // Each part of a batch may be answered on its own.
            batch->answered = false;
            next = next_block();
            number = batch->number;
            if (!batch->taken) {
                batch->taken = now;
                batch->given_by_then = {given_, agent->given};
                batch->deadline = now + settings_.task_timeout;
            }
            break;
        }
        drop_finished(*agent);
        registry_.update(*agent, now);
        if (items.empty()) return take_idle_batch(*agent, now);
        agent->stream_used = now;
        agent->idle_due = false;
    }
    auto out = std::make_shared<TaskBatch>();
    out->batch_id = batch_name(number);
    out->timestamp = static_cast<std::uint64_t>(unix_ms(clock_.wall()));
    out->tasks.reserve(items.size());
    for (const Item& item : items)
        out->tasks.push_back(package_of(item, next));
    return out;
}

}  // namespace ioswarm
