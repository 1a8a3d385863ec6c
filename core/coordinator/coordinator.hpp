// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/accounting/payroll.hpp"
#include "core/auth/once_per_agent.hpp"
#include "core/base/alarm.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/outage.hpp"
#include "core/coordinator/backoff.hpp"
#include "core/coordinator/block_follower.hpp"
#include "core/coordinator/block_watch.hpp"
#include "core/coordinator/counters.hpp"
#include "core/coordinator/engine.hpp"
#include "core/coordinator/limits.hpp"
#include "core/coordinator/poll_policy.hpp"
#include "core/coordinator/read_workers.hpp"
#include "core/coordinator/signal.hpp"
#include "core/model/settings.hpp"
#include "core/ports/act_pool_reader.hpp"
#include "core/ports/agent_link.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm {

/// Hands pending transactions to agents, records their answers, and compares the answers with the blocks. The
/// transactions, accounts and blocks come from a source: a node or the embedded chain. The coordinator combines
/// three parts. The engine knows the agents, the tasks and which agent has which task; it has no threads. The
/// payroll keeps everything that is in the ledger. The threads connect both with the source: one polls the
/// pool, one follows the blocks, one handles time-outs and dispatches, and several read accounts. Everything
/// given to create() must outlive it. The clock must also outlive the task streams that it opened.
class Coordinator final : public AgentLink, public Monitor {
  public:
    /// `fetchers` reads the state that runs of transactions need. If it is null no transaction is run, and
    /// agents at L3 get tasks of lower levels. Errors: those of the payroll (numbers cannot be reserved).
    [[nodiscard]] static Result<std::unique_ptr<Coordinator>> create(const CoordinatorSettings& settings,
                                                                     ActPoolReader& pool, StateReader& state,
                                                                     BlockSource& blocks, Payroll& payroll,
                                                                     const Clock& clock, Log log,
                                                                     evm::StateFetchers* fetchers = nullptr);
    ~Coordinator() override;
    Coordinator(const Coordinator&) = delete;
    Coordinator& operator=(const Coordinator&) = delete;

    /// Starts the threads. Agents may connect before that.
    void start();
    /// From now on no agent can register and no task is handed out. Waits at most `within` until agents have
    /// answered their current tasks. stop() must still be called.
    void drain(std::chrono::milliseconds within);
    /// From now on no agent can register and no task is handed out. The threads that read the source end first,
    /// within the time-outs of `pool`, `state` and `blocks`. Then the task streams end with unavailable.
    /// Answers and heartbeats are accepted until the coordinator is destroyed. Further calls do nothing.
    void stop();

    // AgentLink
    void register_agent(const std::string& agent_id, const RegisterRequest& request,
                        RegisterDone done) override;
    [[nodiscard]] Result<std::unique_ptr<TaskStream>> open_task_stream(
        const std::string& agent_id, const GetTasksRequest& request, std::shared_ptr<StreamSink> sink) override;
    void submit(const std::string& agent_id, BatchResult batch, SubmitDone done) override;
    [[nodiscard]] Result<HeartbeatResponse> heartbeat(const std::string& agent_id,
                                                      const HeartbeatRequest& request) override;
    void agent_gone(const std::string& agent_id) override { engine_->agent_gone(agent_id); }
    void end_agent(const std::string& agent_id, const Error& reason) override;

    /// Takes other limits from now on, see Engine::change_limits(). Thread-safe.
    void change_limits(const CoordinatorLimits& limits);

    /// Reports the height of the agent's own state, as known from its diff stream (see DiffHub::on_progress).
    /// Tasks at L4 go only to agents that have the tip's diff.
    void diffs_written(const std::string& agent_id, std::uint64_t height) {
        engine_->diffs_written(agent_id, height);
    }

    // Monitor
    [[nodiscard]] StatusView status() const override;
    [[nodiscard]] std::vector<AgentView> agents() const override;
    [[nodiscard]] ShadowTotals shadow() const override;
    [[nodiscard]] EpochView epoch() const override;
    [[nodiscard]] std::vector<LeaderboardEntry> leaderboard() const override;
    [[nodiscard]] Result<RewardsView> rewards(const std::string& agent_id) const override;
    [[nodiscard]] Reasons not_ready() const override;

    // The steps of the threads, one by one, for tests that do not call start().

    /// Reads the tip and the pool, then dispatches. Errors: those of the source.
    Status poll_once();
    /// Waits for the next block and processes it.
    Status follow_once(std::stop_token stop) { return follower_.step(std::move(stop)); }
    /// One step of the time thread: handles time-outs, evictions and alarms, then dispatches.
    void keep_time();
    /// Makes the account reads that are waiting and dispatches, and repeats this until no reads are waiting.
    void read_now();

  private:
    Coordinator(const CoordinatorSettings& settings, ActPoolReader& pool, StateReader& state,
                BlockSource& blocks, Payroll& payroll, const Clock& clock, Log log,
                evm::StateFetchers* fetchers);

    void poll_loop(const std::stop_token& stop);
    void time_loop(const std::stop_token& stop);
    [[nodiscard]] std::chrono::seconds wait_to_register(const std::string& agent_id);
    void dispatch(bool poll);
    [[nodiscard]] bool watch_ledger();
    void watch_tip();
    void watch_accounts();
    void watch_blocks();
    [[nodiscard]] Status read_pool(ChainTip& tip, std::vector<PoolActionPtr>& pending);
    [[nodiscard]] Status reserve_ids();
    [[nodiscard]] AnsweredEarlier answered_earlier(const PoolAction& action);
    void forget_unseen(std::uint64_t tip);
    void compare_with_ledger(std::uint64_t tip);
    void count_stops() const;

    const CoordinatorSettings settings_;
    ActPoolReader& pool_;
    Payroll& payroll_;
    const Clock& clock_;
    const Log log_;
    const std::uint64_t received_before_;  // answers from before this start; their tasks were dispatched then

    // These synchronise themselves.
    const std::shared_ptr<Signal> wake_;  // wakes the time thread
    /// Wakes drain() after answers were recorded or could not be.
    const std::shared_ptr<Signal> answers_recorded_;
    Signal poll_now_;  // wakes the polling thread before its interval is over
    const std::shared_ptr<Engine> engine_;
    Guarded<OncePerAgent> registrations_;
    std::unique_ptr<TaskRunner> runner_;  // null: no transaction is run
    ReadWorkers readers_;
    Outage source_outage_;  // reported by poll_loop() and by the follower
    BlockFollower follower_;
    std::mutex reserving_;  // allows one reservation at a time; taken before any other lock
    const CoordinatorCounters counters_;
    Alarm ledger_alarm_;                   // raised while the ledger accepts no writes
    Alarm tip_alarm_;                      // raised while the tip is too old, or in the future
    Alarm accounts_alarm_;                 // raised while no account can be read
    Alarm blocks_alarm_;                   // raised while no block is processed although there are newer ones
    Alarm behind_alarm_;                   // raised while the source's tip is below the ledger's height
    std::atomic<std::int64_t> polled_at_;  // time of the last successful poll, in steady-clock ns
    std::atomic<bool> polled_{false};
    std::atomic<std::int64_t> tick_ns_;  // how often time-outs are checked
    std::atomic<bool> draining_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> ids_failing_{false};

    // Used only by the polling thread: actions answered before a restart that no poll has listed yet, by their
    // hash, or by raw_id where they have none. The values are the raw ids under which the payroll knows them.
    std::unordered_map<Hash256, std::vector<Hash256>, FixedBytesHash> unseen_;
    std::uint64_t unseen_since_ = 0;  // the first tip after the start
    PollPolicy poll_policy_;

    BlockWatch block_watch_;  // used only by the time thread

    metrics::ReadHook stops_hook_;  // calls count_stops()

    // Used only by the thread that calls start() and stop().
    std::jthread poller_;
    std::jthread blocks_thread_;
    std::jthread timer_;
};

}  // namespace ioswarm
