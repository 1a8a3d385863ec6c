// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/coordinator/state_cache.hpp"
#include "core/coordinator/task.hpp"
#include "core/coordinator/task_execution.hpp"

// To find the data that an L3 task must carry, its transaction is run here by the agent's own rules. The run
// uses the newest state of the source and reads it on demand. The same run also says what the agent must
// answer.

namespace ioswarm {

/// The result of running a task's transaction here. Never changed after creation.
struct TaskRun {
    std::uint64_t height = 0;  ///< height of the state that was used
    AccountPtr sender;         ///< this and `receiver` are as of `height`
    AccountPtr receiver;
    BlockContext block;  ///< the block after `height`

    /// True if an agent without its own state can be given the task; the members below are all that it needs.
    bool suits_l3 = false;
    std::map<std::string, evm::CodePtr> contract_code;  ///< the code is shared between all runs at this height
    std::map<std::string, std::map<std::string, std::string>> storage_slots;
    std::size_t bytes = 0;  ///< approximate size of code and slots in a task
    RunOutcome at_l3;       ///< run on the task's own data
    RunOutcome at_l4;       ///< run on the whole state at `height`
};

/// Copies the code and the slots of a run into a task.
void add_run_data(const TaskRun& run, TaskPackage& task);

/// How a run ended: why a task has no run, or none that suits L3.
enum class RunEnd : std::uint8_t {
    complete,
    too_many_rounds,  ///< this and the next five: a bound of ReadingBounds was reached
    too_many_accounts,
    too_many_slots,
    too_much_code,
    too_much_work,
    too_slow,
    fetch_failed,
    tip_moved,      ///< a new block came while the state was read
    not_simulated,  ///< it needs a precompiled contract that is not implemented here
    unreadable,     ///< an amount or an address of the transaction is malformed
};
inline constexpr std::size_t kRunEnds = 11;
/// The name in counters, such as "too_many_rounds".
[[nodiscard]] std::string_view to_string(RunEnd end) noexcept;

/// A planned run. Never changed after planning.
struct RunRequest {
    TaskPtr task;  ///< belongs to the engine: without the engine's lock only the pointer may be used
    std::uint64_t reading = 0;  ///< value of Task::reading at planning
    std::uint64_t height = 0;
    PoolActionPtr action;
    AccountPtr sender;
    AccountPtr receiver;
    BlockContext block;
    bool for_l4 = false;  ///< also run it on the whole state
};
using RunRequestPtr = std::shared_ptr<const RunRequest>;

struct RunAnswer {
    RunEnd end = RunEnd::complete;
    TaskRunPtr run;  ///< null if there is no result
};

/// Makes runs. The state read at one height is cached until the next height. Thread-safe.
class TaskRunner {
  public:
    /// `fetchers` must outlive this.
    explicit TaskRunner(evm::StateFetchers& fetchers, const evm::ReadingBounds& bounds = {})
        : fetchers_(fetchers), bounds_(bounds) {}

    /// Blocks while the state is read, for at most about the time bound plus one time-out of the source. A
    /// request to stop ends it early, with RunEnd::too_slow or fetch_failed.
    [[nodiscard]] RunAnswer run(evm::Executor& executor, const RunRequest& request, std::stop_token stop = {});

  private:
    [[nodiscard]] StateCachePtr cache_of(std::uint64_t height);

    evm::StateFetchers& fetchers_;
    const evm::ReadingBounds bounds_;
    std::mutex mutex_;  // guards cache_
    StateCachePtr cache_;
};

}  // namespace ioswarm
