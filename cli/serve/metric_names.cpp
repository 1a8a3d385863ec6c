// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "cli/serve/metrics.hpp"

namespace ioswarm::cli {
namespace {

using C = CounterMetric;

// Rows of one family follow each other; the first has the help. Names follow Prometheus' rules: a prefix,
// base units, and `_total` for counters, which only grow.
// clang-format off
constexpr auto kCounterMetrics = std::to_array<C>({
    {"agents_registered", "ioswarm_agent_registrations_total", "result", "accepted", "Registrations of agents by their result."},
    {"register_refused_capacity", "ioswarm_agent_registrations_total", "result", "refused_capacity", ""},
    {"registers_too_soon", "ioswarm_agent_registrations_total", "result", "refused_too_soon", ""},
    {"agents_on_old_secret", "ioswarm_agents_on_old_secret", "", "", "Agents whose key comes from the old master secret.", true},
    {"agents_evicted", "ioswarm_agent_departures_total", "reason", "evicted", "Agents that left or were removed."},
    {"agents_ended", "ioswarm_agent_departures_total", "reason", "ended", ""},
    {"agents_held_back", "ioswarm_agent_hold_backs_total", "", "", "Times that an agent was held back after losing answers."},
    {"tasks_created", "ioswarm_tasks_created_total", "", "", "Transactions of the pool that became tasks."},
    {"tasks_dropped_queue_full", "ioswarm_tasks_dropped_total", "reason", "queue_full", "Tasks dropped without an answer."},
    {"tasks_given_up", "ioswarm_tasks_dropped_total", "reason", "given_up", ""},
    {"tasks_forgotten", "ioswarm_tasks_dropped_total", "reason", "left_pool", ""},
    {"tasks_mined", "ioswarm_tasks_mined_total", "", "", "Tasks whose transaction was mined."},
    {"tasks_timed_out", "ioswarm_tasks_timed_out_total", "", "", "Tasks taken from an agent because it did not answer in time."},
    {"tasks_taken_back", "ioswarm_tasks_taken_back_total", "", "", "Tasks taken back from agents that left."},
    {"tasks_given_at_*", "ioswarm_tasks_given_above_l2_total", "level", "", "Tasks given out with the state to execute them, by level."},
    {"tasks_lowered_batch_full", "ioswarm_tasks_lowered_total", "reason", "batch_full", "Tasks given out at a lower level than the agent can work at."},
    {"tasks_known", "ioswarm_tasks_known", "", "", "Tasks held in memory.", true},
    {"tasks_waiting", "ioswarm_tasks_waiting", "", "", "Tasks that wait for an agent.", true},
    {"tasks_with_agents", "ioswarm_tasks_with_agents", "", "", "Tasks that agents are working on.", true},
    {"results_accepted", "ioswarm_task_results_accepted_total", "", "", "Results accepted from agents since the start."},
    {"answers_unlike_our_run", "ioswarm_answers_unlike_own_run_total", "", "", "Answers from execution that differ from the coordinator's own run."},
    {"answers_repeated", "ioswarm_answers_repeated_total", "", "", "Answers that an agent had given already."},
    {"answers_held", "ioswarm_answers_held", "", "", "Answers that wait for their block.", true},
    {"submissions_not_recorded", "ioswarm_submissions_refused_total", "reason", "not_recorded", "Submissions refused, by reason."},
    {"submissions_refused_rate", "ioswarm_submissions_refused_total", "reason", "rate", ""},
    {"batches_timed_out", "ioswarm_batches_unanswered_total", "reason", "timed_out", "Batches that were not answered, by reason."},
    {"batches_never_taken", "ioswarm_batches_unanswered_total", "reason", "never_taken", ""},
    {"batches_excused", "ioswarm_batches_unanswered_total", "reason", "excused", ""},
    {"batches_sent", "ioswarm_batches_sent_total", "", "", "Batches written to task streams."},
    {"idle_batches_sent", "ioswarm_idle_batches_sent_total", "", "", "Batches without tasks that kept idle task streams open."},
    {"idle_batches_answered", "ioswarm_idle_batches_answered_total", "", "", "Answers to batches without tasks."},
    {"batches_too_large", "ioswarm_batches_too_large_total", "", "", "Batches that were too large to send."},
    {"streams_replaced", "ioswarm_task_streams_replaced_total", "", "", "Task streams replaced by a newer one of the same agent."},
    {"stalls", "ioswarm_stalls_total", "", "", "Times that the coordinator itself was stalled."},
    {"runs_late", "ioswarm_task_runs_late_total", "", "", "Runs of tasks that took too long to be used."},
    {"runs_*", "ioswarm_task_runs_total", "end", "", "The coordinator's own runs of tasks, by how they ended."},
    {"actions_mined", "ioswarm_actions_mined_total", "", "", "Transactions mined, without the chain's own."},
    {"actions_mined_covered", "ioswarm_actions_mined_covered_total", "", "", "Mined transactions that had been given to an agent before."},
    {"actions_mined_unseen", "ioswarm_actions_mined_unseen_total", "", "", "Mined transactions that the pool never showed."},
    {"blocks_compared", "ioswarm_blocks_compared_total", "", "", "Blocks whose transactions were compared with answers."},
    {"unhashable_actions", "ioswarm_block_actions_excluded_total", "reason", "unhashable", "Transactions of blocks that cannot be compared, by reason."},
    {"unmatched_actions", "ioswarm_block_actions_excluded_total", "reason", "unmatched", ""},
    {"block_errors", "ioswarm_block_errors_total", "", "", "Failed tries to take the next block."},
    {"block_gaps_left_out", "ioswarm_block_gaps_total", "", "", "Times that missed blocks were left out."},
    {"block_hash_alarms", "ioswarm_block_hash_alarms_total", "", "", "Blocks with transactions whose hash no receipt has."},
    {"blocks_source_behind_books", "ioswarm_source_behind_ledger_blocks", "", "", "Blocks that the source is behind the ledger.", true},
    {"polls", "ioswarm_pool_reads_total", "", "", "Reads of the pool."},
    {"poll_errors", "ioswarm_pool_read_errors_total", "", "", "Failed reads of the pool."},
    {"ledger_stops", "ioswarm_dispatch_stops_total", "reason", "ledger", "Times that dispatch stopped, by reason."},
    {"tip_stops", "ioswarm_dispatch_stops_total", "reason", "tip", ""},
    {"block_stops", "ioswarm_dispatch_stops_total", "reason", "blocks", ""},
    {"accounts_read", "ioswarm_account_reads_total", "result", "ok", "Accounts read from the source, by result."},
    {"accounts_failed", "ioswarm_account_reads_total", "result", "failed", ""},
    {"accounts_out_of_range", "ioswarm_account_reads_total", "result", "out_of_range", ""},
    {"accounts_late", "ioswarm_account_reads_total", "result", "late", ""},
    {"wallet_changes_too_soon", "ioswarm_wallet_changes_refused_total", "", "", "Changes of an agent's wallet that came too soon."},
    {"notices_unmarked", "ioswarm_payout_notices_unmarked", "", "", "Payout notices that agents have taken and that the ledger does not have as taken yet.", true},
    {"ledger_operations", "ioswarm_ledger_operations_total", "", "", "Operations that the ledger did."},
    {"ledger_commits", "ioswarm_ledger_commits_total", "", "", "Commits of the ledger."},
    {"ledger_refused", "ioswarm_ledger_refused_total", "", "", "Operations refused because the ledger's queue was full."},
    {"ledger_failed_commits", "ioswarm_ledger_failed_commits_total", "", "", "Commits of the ledger that failed."},
    {"ledger_checkpoints", "ioswarm_ledger_checkpoints_total", "", "", "Times that the ledger's WAL was moved into its file."},
    {"ledger_failed_checkpoints", "ioswarm_ledger_failed_checkpoints_total", "", "", "Failed moves of the ledger's WAL."},
    {"connections_open", "ioswarm_connections", "", "", "Connections of agents.", true},
    {"connections_accepted", "ioswarm_connections_accepted_total", "", "", "Connections accepted on the port for agents."},
    {"connections_refused_*", "ioswarm_connections_refused_total", "reason", "", "Connections refused on the port for agents, by reason."},
    {"connections_shut_*", "ioswarm_connections_shut_total", "reason", "", "Connections of agents that were shut, by reason."},
    {"connections_goaway", "ioswarm_connection_goaways_total", "", "", "Connections that were asked to end."},
    {"connections_flooded", "ioswarm_connection_floods_total", "", "", "Connections that sent more than they may."},
    {"connections_flood_bytes", "ioswarm_connection_flood_bytes_total", "", "", "Bytes that flooding connections sent."},
    {"connections_bodies_refused", "ioswarm_connection_bodies_refused_total", "", "", "Message bodies refused before they were read."},
    {"memory_trims", "ioswarm_memory_trims_total", "", "", "Times that freed memory was given back to the system."},
    {"calls", "ioswarm_calls_total", "", "", "Calls of agents."},
    {"calls_*", "ioswarm_calls_failed_total", "reason", "", "Calls of agents that failed, by reason."},
    {"task_streams_open", "ioswarm_task_streams", "", "", "Open task streams.", true},
    {"health_checks", "ioswarm_grpc_health_checks_total", "", "", "Health checks on the port for agents."},
    {"health_watches_open", "ioswarm_grpc_health_watches", "", "", "Open health watches on the port for agents.", true},
    {"diff_streams_open", "ioswarm_diff_streams", "", "", "Open streams of state diffs.", true},
    {"diff_streams_stalled", "ioswarm_diff_streams_stalled_total", "", "", "Diff streams ended because the agent took nothing."},
    {"diffs_sent", "ioswarm_diffs_sent_total", "", "", "State diffs written to streams."},
    {"diffs_refused", "ioswarm_diffs_refused_total", "", "", "State diffs of the source, or requests for diffs, that were refused."},
    {"diffs_appended", "ioswarm_diffs_appended_total", "", "", "State diffs added to the log."},
    {"diffs_commits", "ioswarm_diff_commits_total", "", "", "Commits of the diff log."},
    {"diffs_pruned", "ioswarm_diffs_pruned_total", "", "", "State diffs removed because they were old enough."},
    {"diffs_repeated", "ioswarm_diffs_repeated_total", "", "", "State diffs that the source gave again."},
    {"diffs_holes", "ioswarm_diff_holes_total", "", "", "Times that a state diff was missing."},
    {"diffs_source_errors", "ioswarm_diff_source_errors_total", "", "", "Errors of the source of state diffs."},
    {"diffs_store_errors", "ioswarm_diff_store_errors_total", "", "", "Failed writes of the diff log."},
    {"diffs_alarms", "ioswarm_diff_alarms_total", "", "", "Times that taking in state diffs stopped with an alarm."},
    {"diffs_stalls", "ioswarm_diff_stalls_total", "", "", "Times that the diff log fell behind the source."},
    {"tls_reloads", "ioswarm_tls_reloads_total", "result", "ok", "Reloads of the TLS certificate, by result."},
    {"tls_reloads_refused", "ioswarm_tls_reloads_total", "result", "refused", ""},
    {"log_lines_dropped", "ioswarm_log_lines_dropped_total", "", "", "Lines of the log that were dropped because nobody read them fast enough."},
    {"audit_lines_dropped", "ioswarm_audit_lines_dropped_total", "", "", "Lines that are missing from the audit log."},
    {"http_connections", "ioswarm_http_connections_total", "", "", "Connections to the monitoring API."},
    {"http_requests", "ioswarm_http_requests_total", "", "", "Requests to the monitoring API."},
    {"http_timed_out", "ioswarm_http_timed_out_total", "", "", "Connections to the monitoring API that were too slow."},
    {"http_shed", "ioswarm_http_shed_total", "", "", "Connections to the monitoring API shut to make room."},
    {"http_refused_rate", "ioswarm_http_refused_total", "reason", "rate", "Requests to the monitoring API that got 429, by reason."},
    {"http_refused_auth", "ioswarm_http_refused_total", "reason", "failed_auth", ""},
    {"http_unauthorized", "ioswarm_http_unauthorized_total", "", "", "Requests to the monitoring API with a wrong key."},
    {"http_addresses_dropped", "ioswarm_limit_addresses_dropped_total", "table", "http_requests", "Addresses forgotten because a table of limits was full."},
    {"http_failed_auth_addresses_dropped", "ioswarm_limit_addresses_dropped_total", "table", "http_failed_auth", ""},
    {"failed_auth_addresses_dropped", "ioswarm_limit_addresses_dropped_total", "table", "agents_failed_auth", ""},
    {"node_actions_unreadable", "ioswarm_node_actions_skipped_total", "reason", "unreadable", "Pool transactions of the node that were left out, by reason."},
    {"node_actions_unhashable", "ioswarm_node_actions_skipped_total", "reason", "unhashable", ""},
    {"node_stream_ends", "ioswarm_node_stream_ends_total", "", "", "Times that the node's block stream ended."},
    {"node_blocks_repeated", "ioswarm_node_blocks_repeated_total", "", "", "Blocks that the node gave again."},
    {"node_blocks_fetched", "ioswarm_node_blocks_fetched_total", "", "", "Blocks fetched from the node one by one."},
    {"node_messages_dropped", "ioswarm_node_messages_dropped_total", "", "", "Messages of the node that were dropped."},
    {"node_reads_stale", "ioswarm_node_stale_reads_total", "", "", "Reads of accounts that were older than the block asked for."},
    {"node_web3_away", "ioswarm_node_web3_outages_total", "", "", "Times that the node's web3 API did not answer."},
    {"node_api_is_json", "ioswarm_node_api_is_json", "", "", "1 when blocks come over the node's JSON API.", true},
});
// clang-format on

bool stands_for(const C& row, std::string_view counter) noexcept {
    if (!row.counter.ends_with('*')) return row.counter == counter;
    return counter.starts_with(row.counter.substr(0, row.counter.size() - 1));
}

}  // namespace

std::span<const CounterMetric> counter_metrics() noexcept {
    return kCounterMetrics;
}

std::string_view help_of(const CounterMetric& row) noexcept {
    const CounterMetric* first = &row;
    while (first->help.empty())
        --first;
    return first->help;
}

const CounterMetric* find_counter_metric(std::string_view counter) noexcept {
    const auto* found = std::find_if(kCounterMetrics.begin(), kCounterMetrics.end(),
                                     [&](const C& row) { return stands_for(row, counter); });
    return found == kCounterMetrics.end() ? nullptr : &*found;
}

}  // namespace ioswarm::cli
