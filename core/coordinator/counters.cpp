// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/counters.hpp"

#include <string>

namespace ioswarm {
namespace {

using metrics::Family;

constexpr Family kRegistrations{"ioswarm_agent_registrations_total", "Registrations of agents by their result.",
                                "result"};
constexpr Family kDepartures{"ioswarm_agent_departures_total", "Agents that left or were removed.", "reason"};
constexpr Family kTasksDropped{"ioswarm_tasks_dropped_total", "Tasks dropped without an answer.", "reason"};
constexpr Family kTasksExecutable{"ioswarm_tasks_given_above_l2_total",
                                  "Tasks given out with the state to execute them, by level.", "level"};
constexpr Family kTasksLowered{"ioswarm_tasks_lowered_total",
                               "Tasks given out at a lower level than the agent can work at.", "reason"};
constexpr Family kBatchesUnanswered{"ioswarm_batches_unanswered_total",
                                    "Batches that were not answered, by reason.", "reason"};
constexpr Family kSubmissionsRefused{"ioswarm_submissions_refused_total", "Submissions refused, by reason.",
                                     "reason"};
constexpr Family kActionsExcluded{"ioswarm_block_actions_excluded_total",
                                  "Transactions of blocks that cannot be compared, by reason.", "reason"};
constexpr Family kAccountReads{"ioswarm_account_reads_total", "Accounts read from the source, by result.",
                               "result"};
constexpr Family kRuns{"ioswarm_task_runs_total", "The coordinator's own runs of tasks, by how they ended.",
                       "end"};
constexpr Family kDispatchStops{"ioswarm_dispatch_stops_total", "Times that dispatch stopped, by reason.",
                                "reason"};

}  // namespace

EngineCounters::EngineCounters(const metrics::Registry& registry)
    : agents_registered(registry.counter("agents_registered", kRegistrations, "accepted")),
      agents_refused_capacity(
          registry.counter("register_refused_capacity", kRegistrations, "refused_capacity")),
      agents_evicted(registry.counter("agents_evicted", kDepartures, "evicted")),
      agents_ended(registry.counter("agents_ended", kDepartures, "ended")),
      agents_held_back(registry.counter(
          "agents_held_back",
          {"ioswarm_agent_hold_backs_total", "Times that an agent was held back after losing answers."})),
      streams_replaced(registry.counter(
          "streams_replaced",
          {"ioswarm_task_streams_replaced_total", "Task streams replaced by a newer one of the same agent."})),
      tasks_timed_out(registry.counter(
          "tasks_timed_out",
          {"ioswarm_tasks_timed_out_total", "Tasks taken from an agent because it did not answer in time."})),
      tasks_taken_back(registry.counter(
          "tasks_taken_back", {"ioswarm_tasks_taken_back_total", "Tasks taken back from agents that left."})),
      tasks_given_at_l3(registry.counter("tasks_given_at_l3", kTasksExecutable, "l3")),
      tasks_given_at_l4(registry.counter("tasks_given_at_l4", kTasksExecutable, "l4")),
      tasks_lowered_batch_full(registry.counter("tasks_lowered_batch_full", kTasksLowered, "batch_full")),
      tasks_lowered_no_accounts(registry.counter("tasks_lowered_no_accounts", kTasksLowered, "no_accounts")),
      batches_timed_out(registry.counter("batches_timed_out", kBatchesUnanswered, "timed_out")),
      batches_never_taken(registry.counter("batches_never_taken", kBatchesUnanswered, "never_taken")),
      batches_excused(registry.counter("batches_excused", kBatchesUnanswered, "excused")),
      idle_batches_sent(registry.counter(
          "idle_batches_sent",
          {"ioswarm_idle_batches_sent_total", "Batches without tasks that kept idle task streams open."})),
      idle_batches_answered(registry.counter("idle_batches_answered", {"ioswarm_idle_batches_answered_total",
                                                                       "Answers to batches without tasks."})),
      results_accepted(registry.counter("results_accepted", {"ioswarm_task_results_accepted_total",
                                                             "Results accepted from agents since the start."})),
      task_round_trip(registry.histogram(
          {"ioswarm_task_round_trip_seconds", "From a batch's being sent to its answer's being accepted."},
          metrics::network_seconds())),
      refused_not_registered(registry.counter(
          "results_refused_not_registered",
          {"ioswarm_results_refused_not_registered_total", "Results of agents that were not registered."})),
      refused_unknown_batch(registry.counter("results_refused_unknown_batch",
                                             {"ioswarm_results_refused_unknown_batch_total",
                                              "Results for batches that the agent was not given."})),
      refused_unknown_task(registry.counter(
          "results_refused_unknown_task",
          {"ioswarm_results_refused_unknown_task_total", "Results for tasks that are not in their batch."})),
      refused_repeated(registry.counter(
          "results_refused_repeated",
          {"ioswarm_results_refused_repeated_total", "Results for tasks that were answered already."})),
      refused_late(registry.counter(
          "results_refused_late",
          {"ioswarm_results_refused_late_total", "Results for tasks that had gone to another agent."})),
      refused_empty(registry.counter("results_refused_empty",
                                     {"ioswarm_results_refused_empty_total", "Submissions without a result."})),
      submissions_not_recorded(
          registry.counter("submissions_not_recorded", kSubmissionsRefused, "not_recorded")),
      submissions_refused_rate(registry.counter("submissions_refused_rate", kSubmissionsRefused, "rate")),
      answers_unlike_our_run(registry.counter(
          "answers_unlike_our_run", {"ioswarm_answers_unlike_own_run_total",
                                     "Answers from execution that differ from the coordinator's own run."})),
      blocks_compared(registry.counter(
          "blocks_compared",
          {"ioswarm_blocks_compared_total", "Blocks whose transactions were compared with answers."})),
      actions_unmatched(registry.counter("unmatched_actions", kActionsExcluded, "unmatched")),
      actions_unhashable(registry.counter("unhashable_actions", kActionsExcluded, "unhashable")),
      stalls(registry.counter("stalls",
                              {"ioswarm_stalls_total", "Times that the coordinator itself was stalled."})),
      tips_lowered(registry.counter(
          "tips_lowered", {"ioswarm_tips_lowered_total",
                           "Times that a lower newest block was taken, because the one before was wrong."})),
      tasks_known(registry.gauge("tasks_known", {"ioswarm_tasks_known", "Tasks held in memory."})),
      tasks_waiting(
          registry.gauge("tasks_waiting", {"ioswarm_tasks_waiting", "Tasks that wait for an agent."})),
      tasks_with_agents(registry.gauge("tasks_with_agents",
                                       {"ioswarm_tasks_with_agents", "Tasks that agents are working on."})) {}

TaskCounters::TaskCounters(const metrics::Registry& registry)
    : created(registry.counter("tasks_created",
                               {"ioswarm_tasks_created_total", "Transactions of the pool that became tasks."})),
      dropped(registry.counter("tasks_dropped_queue_full", kTasksDropped, "queue_full")),
      given_up(registry.counter("tasks_given_up", kTasksDropped, "given_up")),
      forgotten(registry.counter("tasks_forgotten", kTasksDropped, "left_pool")),
      mined(
          registry.counter("tasks_mined", {"ioswarm_tasks_mined_total", "Tasks whose transaction was mined."})),
      mined_before(registry.counter("tasks_mined_before",
                                    {"ioswarm_tasks_mined_before_total",
                                     "Transactions of the first poll that were mined before this start."})),
      mined_unseen(registry.counter(
          "actions_mined_unseen",
          {"ioswarm_actions_mined_unseen_total", "Mined transactions that the pool never showed."})),
      actions_mined(registry.counter(
          "actions_mined", {"ioswarm_actions_mined_total", "Transactions mined, without the chain's own."})),
      actions_covered(registry.counter("actions_mined_covered",
                                       {"ioswarm_actions_mined_covered_total",
                                        "Mined transactions that had been given to an agent before."})) {}

ReadCounters::ReadCounters(const metrics::Registry& registry)
    : accounts(registry.counter("accounts_read", kAccountReads, "ok")),
      failed(registry.counter("accounts_failed", kAccountReads, "failed")),
      out_of_range(registry.counter("accounts_out_of_range", kAccountReads, "out_of_range")),
      late(registry.counter("accounts_late", kAccountReads, "late")) {}

ReadWorkerCounters::ReadWorkerCounters(const metrics::Registry& registry)
    : read_time(registry.histogram(
          {"ioswarm_state_read_seconds", "Duration of one read of accounts from the source."},
          metrics::network_seconds())) {}

RunCounters::RunCounters(const metrics::Registry& registry)
    : late(registry.counter("runs_late",
                            {"ioswarm_task_runs_late_total", "Runs of tasks that took too long to be used."})) {
    for (std::size_t i = 0; i < kRunEnds; ++i) {
        const std::string_view end = to_string(static_cast<RunEnd>(i));
        ends[i] = registry.counter("runs_" + std::string(end), kRuns, end);
    }
}

BlockCounters::BlockCounters(const metrics::Registry& registry)
    : errors(registry.counter("block_errors",
                              {"ioswarm_block_errors_total", "Failed tries to take the next block."})),
      skips(registry.counter("block_gaps_left_out",
                             {"ioswarm_block_gaps_total", "Times that missed blocks were left out."})),
      alarms(registry.counter("block_hash_alarms", {"ioswarm_block_hash_alarms_total",
                                                    "Blocks with transactions whose hash no receipt has."})) {}

CoordinatorCounters::CoordinatorCounters(const metrics::Registry& registry)
    : registers_too_soon(registry.counter("registers_too_soon", kRegistrations, "refused_too_soon")),
      polls(registry.counter("polls", {"ioswarm_pool_reads_total", "Reads of the pool."})),
      poll_errors(
          registry.counter("poll_errors", {"ioswarm_pool_read_errors_total", "Failed reads of the pool."})),
      ledger_stops(registry.counter("ledger_stops", kDispatchStops, "ledger")),
      tip_stops(registry.counter("tip_stops", kDispatchStops, "tip")),
      block_stops(registry.counter("block_stops", kDispatchStops, "blocks")),
      account_outages(registry.counter("account_outages",
                                       {"ioswarm_account_outages_total",
                                        "Times that no account could be read, so that tasks went out at L1."})),
      blocks_behind_ledger(registry.gauge(
          "blocks_source_behind_ledger",
          {"ioswarm_source_behind_ledger_blocks", "Blocks that the source is behind the ledger."})) {}

}  // namespace ioswarm
