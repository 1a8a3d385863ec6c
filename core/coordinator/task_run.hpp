// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/coordinator/state_cache.hpp"
#include "core/coordinator/task.hpp"
#include "core/coordinator/task_execution.hpp"

// What an L3 task carries is found by running its transaction here, by the agent's own rules, over the newest
// state of the source, which is read when the run needs it. The same run says what the agent must answer.

namespace ioswarm {

/// A task's transaction after it was run here. Never changed after it was made.
struct TaskRun {
    std::uint64_t height = 0;  ///< of the state that it was run over
    AccountPtr sender;         ///< as of that height, as the next one
    AccountPtr receiver;
    BlockContext block;  ///< the one after `height`

    /// An agent without a state of its own can be given the task: what follows is all that it needs.
    bool suits_l3 = false;
    std::map<std::string, evm::CodePtr> contract_code;  ///< shared with all runs over this height
    std::map<std::string, std::map<std::string, std::string>> storage_slots;
    std::size_t bytes = 0;  ///< of both in a task, about
    RunOutcome at_l3;       ///< over the task's own data
    RunOutcome at_l4;       ///< over the whole state of that height
};

/// Puts code and slots of a run into a task.
void add_run_data(const TaskRun& run, TaskPackage& task);

/// Why there is no run of a task, or none that suits L3.
enum class RunEnd : std::uint8_t {
    complete,
    too_many_rounds,  ///< this and the next four: ReadingBounds
    too_many_accounts,
    too_many_slots,
    too_much_code,
    too_slow,
    fetch_failed,
    tip_moved,      ///< while the state was read
    not_simulated,  ///< a precompiled contract that is not built here
    unreadable,     ///< an amount or an address of the transaction is none
};
inline constexpr std::size_t kRunEnds = 10;
/// As the counters call it: "too_many_rounds", …
[[nodiscard]] std::string_view to_string(RunEnd end) noexcept;

/// A run that is to be made. Never changed after it was planned.
struct RunRequest {
    TaskPtr task;  ///< belongs to the engine: only its pointer may be used without the engine's lock
    std::uint64_t reading = 0;  ///< Task::reading when it was planned
    std::uint64_t height = 0;
    PoolActionPtr action;
    AccountPtr sender;
    AccountPtr receiver;
    BlockContext block;
    bool for_l4 = false;  ///< run it over the whole state too
};
using RunRequestPtr = std::shared_ptr<const RunRequest>;

struct RunAnswer {
    RunEnd end = RunEnd::complete;
    TaskRunPtr run;  ///< null when nothing is known of it
};

/// Makes runs. What was read of a height is kept until the next one comes. Thread-safe.
class TaskRunner {
  public:
    /// `fetchers` must outlive this.
    explicit TaskRunner(evm::StateFetchers& fetchers, const evm::ReadingBounds& bounds = {})
        : fetchers_(fetchers), bounds_(bounds) {}

    /// Blocks while the state is read, at most for about the bound on time and one time-out of the source.
    [[nodiscard]] RunAnswer run(evm::Executor& executor, const RunRequest& request);

  private:
    [[nodiscard]] StateCachePtr cache_of(std::uint64_t height);

    evm::StateFetchers& fetchers_;
    const evm::ReadingBounds bounds_;
    std::mutex mutex_;  // guards cache_
    StateCachePtr cache_;
};

}  // namespace ioswarm
