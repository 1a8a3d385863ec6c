// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/accounting/payroll.hpp"
#include "core/base/log.hpp"
#include "core/coordinator/agent_registry.hpp"
#include "core/coordinator/counters.hpp"
#include "core/coordinator/limits.hpp"
#include "core/coordinator/prefetcher.hpp"
#include "core/coordinator/signal.hpp"
#include "core/coordinator/task_book.hpp"
#include "core/ports/agent_link.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm {

/// Maximum number of results per submission. The transport already refuses more.
inline constexpr std::size_t kMaxResults = 1000;

/// The lowest level at which a task carries accounts. It is also the highest level for a task whose transaction
/// was not run.
inline constexpr TaskLevel kWithoutRun = TaskLevel::l2_state_verify;

/// An accepted submission whose answers are being written to the ledger.
struct Submission {
    AgentPtr agent;
    BatchPtr batch;
    std::vector<std::size_t> tasks;  ///< indexes into batch->tasks
    std::vector<Answer> answers;     ///< one per entry of `tasks`; the recorder moves them out
    std::string note;                ///< which results were refused and why; empty = none
    bool free = false;  ///< it is the answer to the batch and does not count against the rate limit
};

/// The coordinator without its threads: agents, tasks, and which agent has which task. Everything happens
/// inside a method call, at the clock's time, so tests can drive it step by step. It never waits, and it uses
/// neither the ledger nor the source; the caller passes in their results. Thread-safe. Lock order: a stream's
/// gate, then mutex_. Sinks are called without mutex_.
class Engine : public std::enable_shared_from_this<Engine> {
  public:
    /// `wake` is raised when dispatch() has new work that its caller does not know of.
    Engine(const CoordinatorSettings& settings, const Clock& clock, Log log, std::shared_ptr<Signal> wake);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Agents. The requests were already checked by register_checks.hpp.

    /// Returns why this agent would get no place now; empty = it would get one.
    [[nodiscard]] std::string no_place_for(const std::string& id) const;
    [[nodiscard]] RegisterResponse register_agent(const std::string& id, const RegisterRequest& request,
                                                  const std::string& wallet_fault = {});
    [[nodiscard]] Result<std::unique_ptr<TaskStream>> open_stream(const std::string& id,
                                                                  const GetTasksRequest& request,
                                                                  std::shared_ptr<StreamSink> sink);
    /// Returns false if the agent is not registered.
    [[nodiscard]] bool heartbeat(const std::string& id, const HeartbeatRequest& request);
    /// Reports that the agent's last connection closed. The agent does not count as live until it calls again.
    void agent_gone(const std::string& id);
    /// Ends the agent's stream with `reason`, frees its place and gives its tasks to others.
    void end_agent(const std::string& id, const Error& reason);

    /// Takes other limits from now on. Agents above a lower max_agents stay until they leave. Batches that were
    /// handed out keep their time, and tasks keep the number of agents that they were made for.
    void change_limits(const CoordinatorLimits& limits);

    // Results.

    /// Judges a submission: the result is either a refusal, or answers to record and then pass to recorded().
    /// Errors: resource_exhausted (rate limit), invalid_argument (too many results).
    [[nodiscard]] Result<std::variant<SubmitResponse, Submission>> judge(const std::string& id,
                                                                         const BatchResult& batch);
    /// Call this when the answers are durable, or when recording failed and they may be submitted again.
    void recorded(const Submission& submission, const Status& status);

    // The source.

    /// Takes the current content of the pool. Returns true if it contains new actions.
    bool update_pool(std::span<const PoolActionPtr> pending, const ChainTip& tip,
                     const TaskBook::AnsweredBefore& answered_before);
    /// Takes the last blocks from before a restart. Call it before the first update_pool().
    void set_mined_before(std::vector<MinedBlock> blocks);
    /// Reports that this block is known, before it is compared. Answers that come from now on may be copied
    /// from its receipts.
    void block_known(std::uint64_t height);
    void on_block(const ExecutedBlock& block);
    /// The actions of this block that agents hold and that have no durable answer yet.
    [[nodiscard]] std::vector<DispatchedAction> unanswered(const ExecutedBlock& block) const;
    /// The answered actions (by raw_id) that were given up since the last call. The payroll must forget
    /// them.
    [[nodiscard]] std::vector<Hash256> take_forgotten();
    /// Call this before making a read. Returns false if nobody waits for it any more.
    [[nodiscard]] bool wanted(const AccountReadPtr& read);
    void reads_done(const AccountReadPtr& read, std::vector<Result<AccountPtr>> answers);
    /// From now on transactions are run for agents that execute them. take_runs() returns the runs to make.
    void enable_runs();
    /// The runs that dispatch() and reads_done() planned since the last call.
    [[nodiscard]] std::vector<RunRequestPtr> take_runs();
    /// Call this before making a run. Returns false if nobody waits for it any more.
    [[nodiscard]] bool wanted(const RunRequest& run);
    void run_done(const RunRequest& run, RunAnswer answer);
    /// True if a read was refused because the tip has moved on. Polling soon then helps.
    [[nodiscard]] bool waits_for_poll() const;
    /// Reports that the agent's state has the diffs up to this height: they were written to its diff stream, or
    /// it subscribed from the next height. 0 = not known (any more). The agent need not be registered.
    void diffs_written(const std::string& agent_id, std::uint64_t height);

    // Time and work.

    /// Gives waiting tasks to agents while there are numbers for them (ids_left() is 0 when they have run out).
    /// Returns the account reads that other tasks need. `poll` is true right after a poll; failed reads are
    /// then tried again.
    [[nodiscard]] std::vector<AccountReadPtr> dispatch(bool poll = false);
    /// Handles time-outs, evictions and everything else that happens because time passes. Call it several times
    /// within the shortest time-out, and call dispatch() after it.
    void tick();
    /// Reports that the coordinator itself stood still for `lasted` (a stopped process, an overloaded machine).
    /// All deadlines and heartbeats are extended by that time, because what agents sent meanwhile is read only
    /// now.
    void stalled(std::chrono::nanoseconds lasted);
    /// Sets whether the ledger refuses writes. While it does, nothing is handed out: answers could not be
    /// recorded, and agents do not send them again. Batches that no stream has taken yet go back into the
    /// queues. Batches that agents held meanwhile add no strikes.
    void set_on_hold(bool is_on_hold);
    /// Says why nothing is handed out although there is a tip: it is too old or in the future. Empty if
    /// neither. The text names no address.
    [[nodiscard]] std::string tip_fault() const;
    /// The last error if no account can be read any more, so that tasks are sent at L1. See
    /// Prefetcher::fault().
    [[nodiscard]] std::optional<Error> accounts_fault() const;
    /// True if accounts are read one block behind the tip.
    [[nodiscard]] bool reads_one_behind() const;
    /// Adds numbers for batches and tasks.
    void add_ids(std::uint64_t first, std::uint64_t count);
    [[nodiscard]] std::uint64_t ids_left() const;
    /// From now on no agent can open a stream and nothing is handed out. Batches that no stream has taken go
    /// back into the queues. Answers still count, also those of agents whose stream ends after this.
    void close();
    /// The number of tasks that agents hold and have not answered.
    [[nodiscard]] std::uint64_t open_tasks() const;
    /// Ends all streams with this reason.
    void end_streams(const Error& reason);

    // Views.

    void describe(StatusView& view) const;
    [[nodiscard]] std::vector<AgentView> agents() const;
    [[nodiscard]] std::optional<ChainTip> tip() const;

    /// Called by the transport of a stream.
    [[nodiscard]] std::shared_ptr<const TaskBatch> take(const AgentPtr& agent, const SinkGate* gate);
    void close_stream(const AgentPtr& agent, SinkGate& gate);

  private:
    /// Actions to be carried out after the lock is released.
    struct Effects {
        std::vector<std::shared_ptr<SinkGate>> ready;
        std::vector<std::pair<std::shared_ptr<SinkGate>, Error>> ended;
        bool wake = false;
        /// Log lines; nothing is logged while the lock is held.
        std::vector<std::string> warnings;
        std::vector<std::string> evicted;  ///< ids of evicted agents that had no task stream
    };
    enum class Placed { whole, partly, no_room, no_ids };
    struct CheckedResult;

    void fire(Effects& effects) const;
    void announce(Agent& agent, Effects& effects) const;
    void announce_waiting(Agent& agent, Effects& effects) const;
    void set_gauges() const;

    // In engine_source.cpp.
    [[nodiscard]] bool is_lower_tip_due(const ChainTip& tip, Clock::Steady now);

    // In engine_agents.cpp.
    void remove_agent(const AgentPtr& agent, const Error& reason, Effects& effects);
    void take_back(Agent& agent, Batch& batch, GivenTask& given, bool failed);
    void orphan_batches(Agent& agent);
    void return_untaken(Agent& agent);
    void reclaim_orphans(Agent& agent, Clock::Steady now);
    static void drop_finished(Agent& agent);

    // In engine_time.cpp.
    void expire_batches(Agent& agent, Clock::Steady now, Effects& effects);
    void expire_orphans(Agent& agent, Clock::Steady now);
    void evict(const AgentPtr& agent, Effects& effects);
    [[nodiscard]] bool is_excused(const Batch& batch) const;
    void begin_recording(Agent& agent, Clock::Steady now) const;
    void end_recording(Agent& agent, Clock::Steady now) const;
    void excuse_recording(Agent& agent, Clock::Steady now) const;
    void strike(Agent& agent, const Batch& batch, Clock::Steady now);
    void forgive(Agent& agent);
    void forgive_and_catch_up(Agent& agent, Clock::Steady now);
    void keep_stream_alive(Agent& agent, Clock::Steady now, Effects& effects) const;

    // In engine_dispatch.cpp.
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

    // In engine_take.cpp.
    [[nodiscard]] std::shared_ptr<const TaskBatch> take_idle_batch(Agent& agent, Clock::Steady now);
    [[nodiscard]] static bool fits(const Batch& batch, const GivenTask& given);
    [[nodiscard]] bool executes(const Agent& agent, const GivenTask& given) const;
    [[nodiscard]] TaskLevel settle_level(const Agent& agent, const Batch& batch, GivenTask& given);

    // In engine_l4.cpp.
    [[nodiscard]] bool is_in_step(const Agent& agent) const;
    [[nodiscard]] bool awaits_diff(const Agent& agent, const Batch& batch, Clock::Steady now) const;
    [[nodiscard]] std::chrono::nanoseconds diff_patience() const;
    void judge_step(Agent& agent, Clock::Steady now, Effects& effects);
    void judge_all_steps(Clock::Steady now, Effects& effects);
    [[nodiscard]] BlockContext next_block() const;
    [[nodiscard]] BlockContext block_after(const ChainTip& tip, std::uint64_t height) const;

    // In engine_runs.cpp.
    [[nodiscard]] static bool is_executed(const GivenTask& given, const TaskResult& result);
    [[nodiscard]] RunComparison compare_run(Agent& agent, const GivenTask& given, const TaskResult& result,
                                            Clock::Steady now, Effects& effects);

    // In engine_submit.cpp.
    [[nodiscard]] CheckedResult examine(const Agent& agent, const BatchResult& batch) const;
    [[nodiscard]] Submission accept(const AgentPtr& agent, const BatchResult& batch, CheckedResult verdict,
                                    Clock::Steady now, Effects& effects);
    [[nodiscard]] Result<std::variant<SubmitResponse, Submission>> judge(const std::string& id,
                                                                         const BatchResult& submitted,
                                                                         Effects& effects);
    void log_refusal(Agent* agent, const std::string& id, const std::string& reason, Clock::Steady now,
                     Effects& effects);

    CoordinatorSettings settings_;  // the fields of CoordinatorLimits are guarded by mutex_, no other changes
    const Clock& clock_;
    const Log log_;
    const std::shared_ptr<Signal> wake_;
    const Clock::Steady started_;

    mutable std::mutex mutex_;
    // All members below are guarded by mutex_.
    TaskBook book_;
    AgentRegistry registry_;
    Prefetcher prefetcher_;
    IdSource ids_;
    std::optional<ChainTip> tip_;
    std::optional<Clock::Steady> lower_since_;  // since then the source has told only tips below tip_
    std::uint64_t known_block_ = 0;             // the newest block that was fetched
    std::optional<ChainTip> block_tip_;         // the newest block processed; may be newer than tip_
    bool runs_enabled_ = false;
    std::uint64_t earlier_tip_ = 0;  // height of the tip before tip_
    Clock::Steady tip_since_{};      // when tip_ was first seen
    bool awaits_diffs_ = false;      // L4 agents still have time to receive the tip's diff
    std::unordered_map<std::string, std::uint64_t>
        diffs_to_;  // by agent id, from diff streams; the agent need not be registered
    bool closed_ = false;
    bool on_hold_ = false;
    Clock::Steady excused_until_ = Clock::Steady::min();  // batches taken before this time are lost without a
                                                          // strike, because it was not the agents' fault
    std::uint64_t given_ = 0;                             // tasks given to agents
    Clock::Steady eviction_checked_{};
    std::uint64_t again_cursor_ = 0;
    std::uint64_t unread_cursor_ = 0;
    std::uint64_t unreadable_cursor_ = 0;
    std::uint64_t dispatched_ = 0;
    std::uint64_t idle_batches_ = 0;                // batches without tasks that streams took
    std::optional<Clock::Steady> stranger_logged_;  // last logged refusal of an agent that is not registered
    const EngineCounters counters_;
    metrics::ReadHook gauges_hook_;  // declared last: its function uses this object
};

}  // namespace ioswarm
