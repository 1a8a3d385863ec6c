// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/accounting/accounting.hpp"
#include "core/base/log.hpp"
#include "core/coordinator/agent_registry.hpp"
#include "core/coordinator/prefetcher.hpp"
#include "core/coordinator/signal.hpp"
#include "core/coordinator/task_book.hpp"
#include "core/ports/agent_link.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm {

/// Results a submission may hold; the wire refuses more before they come here.
inline constexpr std::size_t kMaxResults = 1000;

/// A submission that was let through and is on its way into the ledger.
struct Submission {
    AgentPtr agent;
    BatchPtr batch;
    std::vector<std::size_t> tasks;  ///< places in batch->tasks
    std::vector<Answer> answers;     ///< one for each of `tasks`; moved out by whoever records them
    std::string note;                ///< what of it was refused; empty = nothing
    bool free = false;               ///< the one that answers the batch, not counted against the rate
};

/// The coordinator without its threads: agents, tasks, who has what. Everything happens when a method is
/// called, at the clock's time, so that tests can drive it step by step. Nothing in it waits, and it knows
/// neither the ledger nor the source: what they say is handed in. Thread-safe. Lock order: a stream's gate,
/// then mutex_; sinks are called with mutex_ free.
class Engine : public std::enable_shared_from_this<Engine> {
  public:
    /// `wake` is raised when dispatch() has something to do that nobody called it for.
    Engine(const CoordinatorSettings& settings, const Clock& clock, Log log, std::shared_ptr<Signal> wake);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Agents. What they say was checked (register_checks.hpp).

    /// Why this agent would not get a place now; empty = it would.
    [[nodiscard]] std::string no_place_for(const std::string& id) const;
    [[nodiscard]] RegisterResponse register_agent(const std::string& id, const RegisterRequest& request);
    [[nodiscard]] Result<std::unique_ptr<TaskStream>> open_stream(const std::string& id,
                                                                  const GetTasksRequest& request,
                                                                  std::shared_ptr<StreamSink> sink);
    /// False: not registered.
    [[nodiscard]] bool heartbeat(const std::string& id, const HeartbeatRequest& request);
    /// Its stream ends with `reason`, its place is free, its tasks go to others.
    void end_agent(const std::string& id, const Error& reason);

    // Results.

    /// What becomes of a submission: a refusal, or answers to record and then hand to recorded().
    /// Errors: resource_exhausted (rate), invalid_argument (too many results).
    [[nodiscard]] Result<std::variant<SubmitResponse, Submission>> judge(const std::string& id,
                                                                         const BatchResult& batch);
    /// The answers are durable, or they are not and may be submitted again.
    void recorded(const Submission& submission, const Status& status);

    // The source.

    /// True when it shows actions that were not known.
    bool update_pool(std::span<const PoolActionPtr> pending, const ChainTip& tip,
                     const TaskBook::AnsweredBefore& answered_before);
    void on_block(const ExecutedBlock& block);
    /// Actions of this block that are out with agents and have no durable answer yet.
    [[nodiscard]] std::vector<DispatchedAction> unanswered(const ExecutedBlock& block) const;
    /// Answered actions (by raw_id) that were given up waiting for, since the last call: the accounts are to
    /// forget them.
    [[nodiscard]] std::vector<Hash256> take_forgotten();
    /// Asked before a read is made: false when whoever waited for it has given up.
    [[nodiscard]] bool wanted(const AccountReadPtr& read);
    void reads_done(const AccountReadPtr& read, std::vector<Result<AccountPtr>> answers);
    /// From now on transactions are run for agents that execute them; take_runs() gives the runs to make.
    void enable_runs();
    /// Runs that dispatch() and reads_done() planned since the last call.
    [[nodiscard]] std::vector<RunRequestPtr> take_runs();
    /// As wanted() of a read.
    [[nodiscard]] bool wanted(const RunRequest& run);
    void run_done(const RunRequest& run, RunAnswer answer);
    /// A read was refused because the tip has moved: polling soon helps.
    [[nodiscard]] bool waits_for_poll() const;
    /// The agent's state has the diffs up to this height: they were written to its stream, or it asked for what
    /// comes after. 0: not known (any more). Registered or not.
    void diffs_written(const std::string& agent_id, std::uint64_t height);

    // Time and work.

    /// Gives waiting tasks to agents, as long as there are numbers for them (ids_left() is 0 when they ran
    /// out), and says what has to be read for others. `poll`: it was just polled, so reads that failed are due
    /// again.
    [[nodiscard]] std::vector<AccountReadPtr> dispatch(bool poll = false);
    /// Time-outs, evictions and what else only time brings about; called several times within the shortest of
    /// them, and dispatch() after it.
    void tick();
    /// The coordinator itself stood still for so long (a stopped process, a starved machine): deadlines and
    /// heartbeats are moved on by it, since what agents sent meanwhile is only now read.
    void stalled(std::chrono::nanoseconds lasted);
    /// While the ledger takes no writes nothing is handed out: answers could not be recorded, and agents do not
    /// send them again. What no stream has taken yet goes back into the queues. No strike is given for batches
    /// that were out meanwhile.
    void set_on_hold(bool is_on_hold);
    /// Why nothing is handed out although there is a tip: it is too old or lies in the future. Empty = it is
    /// neither. Names no address.
    [[nodiscard]] std::string tip_fault() const;
    /// Numbers for batches and tasks.
    void add_ids(std::uint64_t first, std::uint64_t count);
    [[nodiscard]] std::uint64_t ids_left() const;
    /// No agent is taken in and nothing is handed out any more; answers still count.
    void close();
    /// Tasks that agents have and have not answered.
    [[nodiscard]] std::uint64_t open_tasks() const;
    /// All streams end with this reason.
    void end_streams(const Error& reason);

    // Views.

    void describe(StatusView& view) const;
    [[nodiscard]] std::vector<AgentView> agents() const;
    [[nodiscard]] std::optional<ChainTip> tip() const;

    /// What a stream's transport calls.
    [[nodiscard]] std::shared_ptr<const TaskBatch> take(const AgentPtr& agent, const SinkGate* gate);
    void close_stream(const AgentPtr& agent, SinkGate& gate);

  private:
    /// What is to be done once the lock is free.
    struct Effects {
        std::vector<std::shared_ptr<SinkGate>> ready;
        std::vector<std::pair<std::shared_ptr<SinkGate>, Error>> ended;
        bool wake = false;
        /// Lines for the log: nothing is logged while the engine is locked.
        std::vector<std::string> infos;
        std::vector<std::string> warnings;
    };
    enum class Placed { whole, partly, no_room, no_ids };
    struct Verdict;

    void fire(Effects& effects) const;
    void announce(Agent& agent, Effects& effects) const;
    void count(const std::string& name, std::uint64_t by = 1) { counters_[name] += by; }

    // engine_agents.cpp
    void remove_agent(const AgentPtr& agent, const Error& reason, Effects& effects);
    void take_back(Agent& agent, Batch& batch, GivenTask& given, bool failed);
    void orphan_batches(Agent& agent);
    void reclaim_orphans(Agent& agent, Clock::Steady now);
    void shrink_batches(Agent& agent);
    static void drop_finished(Agent& agent);

    // engine_time.cpp
    void expire_batches(Agent& agent, Clock::Steady now, Effects& effects);
    void expire_orphans(Agent& agent, Clock::Steady now);
    void evict(const AgentPtr& agent, Effects& effects);
    [[nodiscard]] bool is_excused(const Batch& batch) const;
    void strike(Agent& agent, const Batch& batch, Clock::Steady now);
    void forgive(Agent& agent);
    void forgive_and_catch_up(Agent& agent, Clock::Steady now);

    // engine_dispatch.cpp
    [[nodiscard]] bool may_dispatch() const;
    void dispatch_queue(TaskQueue which, std::uint64_t& cursor, Clock::Steady now, Effects& effects);
    void dispatch_fresh(Clock::Steady now, Effects& effects);
    Placed place(const TaskPtr& task, Clock::Steady now, Effects& effects);
    [[nodiscard]] AgentPtr choose(const Task& task, Clock::Steady now);
    [[nodiscard]] AgentPtr choose_among(const Task& task, TaskLevel from, TaskLevel to, bool failed_too,
                                        Clock::Steady now);
    [[nodiscard]] bool nobody_else_works(const Task& task) const;
    bool give(const AgentPtr& agent, const TaskPtr& task, Clock::Steady now, Effects& effects);
    [[nodiscard]] static std::uint32_t orphaned_parts(const Task& task);
    [[nodiscard]] TaskLevel level_for(const Agent& agent, const Task& task) const;
    [[nodiscard]] static bool fits(const Batch& batch, const GivenTask& given);
    void settle_level(const Agent& agent, const Batch& batch, GivenTask& given);

    // engine_l4.cpp
    [[nodiscard]] bool is_in_step(const Agent& agent) const;
    [[nodiscard]] bool awaits_diff(const Agent& agent, const Batch& batch, Clock::Steady now) const;
    [[nodiscard]] std::chrono::nanoseconds diff_patience() const;
    void judge_step(Agent& agent, Clock::Steady now, Effects& effects);
    void judge_all_steps(Clock::Steady now, Effects& effects);
    [[nodiscard]] BlockContext next_block() const;
    [[nodiscard]] BlockContext block_after(const ChainTip& tip) const;

    // engine_runs.cpp
    [[nodiscard]] RunComparison compare_run(Agent& agent, const GivenTask& given, const TaskResult& result,
                                            Clock::Steady now, Effects& effects);
    void add_run_counters(StatusView& view) const;

    // engine_submit.cpp
    [[nodiscard]] Verdict examine(const Agent& agent, const BatchResult& batch) const;
    [[nodiscard]] Submission accept(const AgentPtr& agent, const BatchResult& batch, Verdict verdict,
                                    Clock::Steady now, Effects& effects);
    [[nodiscard]] Result<std::variant<SubmitResponse, Submission>> judge(const std::string& id,
                                                                         const BatchResult& submitted,
                                                                         Effects& effects);
    void log_refusal(Agent* agent, const std::string& id, const std::string& reason, Clock::Steady now,
                     Effects& effects);

    const CoordinatorSettings settings_;
    const Clock& clock_;
    const Log log_;
    const std::shared_ptr<Signal> wake_;
    const Clock::Steady started_;

    mutable std::mutex mutex_;
    // All below: guarded by mutex_.
    TaskBook book_;
    AgentRegistry registry_;
    Prefetcher prefetcher_;
    IdSource ids_;
    std::optional<ChainTip> tip_;
    std::optional<ChainTip> block_tip_;  // the newest block taken; it may be newer than tip_
    bool runs_enabled_ = false;
    std::uint64_t earlier_tip_ = 0;  // height before tip_
    Clock::Steady tip_since_{};      // when tip_ came
    bool awaits_diffs_ = false;      // L4 agents still have time to get the tip's diff
    std::unordered_map<std::string, std::uint64_t>
        diffs_to_;  // by agent id: of diff streams, registered or not
    bool closed_ = false;
    bool on_hold_ = false;
    Clock::Steady excused_until_ =
        Clock::Steady::min();  // batches taken before it are lost without a strike: not the agents' fault
    std::uint64_t given_ = 0;  // tasks given to agents
    Clock::Steady eviction_checked_{};
    std::uint64_t again_cursor_ = 0;
    std::uint64_t unread_cursor_ = 0;
    std::uint64_t dispatched_ = 0;
    std::optional<Clock::Steady> stranger_logged_;  // refusals of agents that are not registered
    std::map<std::string, std::uint64_t> counters_;
};

}  // namespace ioswarm
