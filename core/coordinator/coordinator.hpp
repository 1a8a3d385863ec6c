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

#include "core/accounting/accounting.hpp"
#include "core/auth/once_per_agent.hpp"
#include "core/base/alarm.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/coordinator/backoff.hpp"
#include "core/coordinator/block_follower.hpp"
#include "core/coordinator/block_watch.hpp"
#include "core/coordinator/engine.hpp"
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

/// Hands pending transactions to agents, takes their answers into the accounts, and compares them with what the
/// chain did. What it is made of: the engine (agents, tasks, who has what; no threads), the accounts (the
/// ledger's side), and here the threads between them and the source: one that polls the pool, one that follows
/// the blocks, one that keeps time and dispatches, and some that read accounts. Everything given to create()
/// must outlive it, and the clock also the task streams it has opened.
class Coordinator final : public AgentLink, public Monitor {
  public:
    /// `fetchers` reads what runs of transactions need; null: no transaction is run, so that agents at L3 get
    /// lower tasks. Errors: of the accounts (ids cannot be reserved).
    [[nodiscard]] static Result<std::unique_ptr<Coordinator>> create(
        const CoordinatorSettings& settings, ActPoolReader& pool, StateReader& state, BlockSource& blocks,
        Accounting& accounting, const Clock& clock, Log log, evm::StateFetchers* fetchers = nullptr);
    ~Coordinator() override;
    Coordinator(const Coordinator&) = delete;
    Coordinator& operator=(const Coordinator&) = delete;

    /// Starts the threads. Agents may come before.
    void start();
    /// No agent is let in and nothing handed out any more. Returns once nothing is with agents, or after
    /// `within`: whoever is at work on a task may hand it in. stop() is still to come.
    void drain(std::chrono::milliseconds within);
    /// No agent is let in and nothing handed out any more; what reads the source ends (within the time-outs of
    /// the ports); then the task streams end with unavailable. Answers and heartbeats still count until
    /// destruction. Calling it again does nothing.
    void stop();

    // AgentLink
    void register_agent(const std::string& agent_id, const RegisterRequest& request,
                        RegisterDone done) override;
    [[nodiscard]] Result<std::unique_ptr<TaskStream>> open_task_stream(
        const std::string& agent_id, const GetTasksRequest& request, std::shared_ptr<StreamSink> sink) override;
    void submit(const std::string& agent_id, BatchResult batch, SubmitDone done) override;
    [[nodiscard]] Result<HeartbeatResponse> heartbeat(const std::string& agent_id,
                                                      const HeartbeatRequest& request) override;
    void end_agent(const std::string& agent_id, const Error& reason) override;

    /// How far the agent's state is, by its diff stream (DiffHub::tell_progress): tasks at L4 go to those that
    /// have the tip's diff.
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

    // What the threads do, step by step, for tests that start none.

    /// Reads the tip and the pool, and dispatches. Errors: of the source.
    Status poll_once();
    /// Waits for the next block and takes it.
    Status follow_once(std::stop_token stop) { return follower_.step(std::move(stop)); }
    /// Time-outs, evictions and alarms, then dispatch.
    void keep_time();
    /// Makes the reads that wait, then dispatches, until there are none.
    void read_now();

  private:
    Coordinator(const CoordinatorSettings& settings, ActPoolReader& pool, StateReader& state,
                BlockSource& blocks, Accounting& accounting, const Clock& clock, Log log,
                evm::StateFetchers* fetchers);

    void poll_loop(const std::stop_token& stop);
    void time_loop(const std::stop_token& stop);
    [[nodiscard]] std::chrono::seconds wait_to_register(const std::string& agent_id);
    void dispatch(bool poll);
    [[nodiscard]] bool watch_books();
    void watch_tip();
    void watch_blocks();
    [[nodiscard]] Status read_pool(ChainTip& tip, std::vector<PoolActionPtr>& pending);
    [[nodiscard]] Status reserve_ids();
    void forget_unseen(std::uint64_t tip);
    void compare_with_books(std::uint64_t tip);

    const CoordinatorSettings settings_;
    ActPoolReader& pool_;
    Accounting& accounting_;
    const Clock& clock_;
    const Log log_;
    const std::uint64_t received_before_;  // results of earlier runs: they were dispatched then

    // Own synchronisation.
    const std::shared_ptr<Signal> wake_;     // the thread that keeps time
    const std::shared_ptr<Signal> settled_;  // drain(): answers were recorded, or could not be
    Signal hurry_;                           // the poller
    const std::shared_ptr<Engine> engine_;
    Guarded<OncePerAgent> registrations_;
    std::atomic<std::uint64_t> registers_too_soon_{0};
    std::unique_ptr<TaskRunner> runner_;  // null: no transaction is run
    ReadWorkers readers_;
    BlockFollower follower_;
    std::mutex reserving_;  // one reservation at a time; taken before any other lock
    std::atomic<std::uint64_t> polls_{0};
    std::atomic<std::uint64_t> poll_errors_{0};
    std::atomic<std::uint64_t> behind_books_{0};  // blocks; 0 = not more than normal
    Alarm books_alarm_;                           // the ledger takes no writes
    Alarm tip_alarm_;                             // the tip is too old, or in the future
    Alarm blocks_alarm_;                          // no block is taken although there are newer ones
    Alarm behind_alarm_;                          // the source is behind the books
    std::atomic<std::int64_t> polled_at_;         // steady, ns since its epoch; of the last poll that worked
    std::atomic<bool> polled_{false};
    std::atomic<bool> draining_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> ids_failing_{false};

    // Of the polling thread: answers of before a restart whose actions no poll has listed yet.
    std::unordered_map<Hash256, std::uint32_t, FixedBytesHash> unseen_;
    std::uint64_t unseen_since_ = 0;  // first tip
    PollPolicy poll_policy_;

    BlockWatch block_watch_;  // of the thread that keeps time

    // Of the thread that starts and stops.
    std::jthread poller_;
    std::jthread blocks_thread_;
    std::jthread timer_;
};

}  // namespace ioswarm
