// SPDX-License-Identifier: Apache-2.0
#pragma once

// The counters and gauges of this folder. Each class declares those of one object.

#include <array>

#include "core/coordinator/task_run.hpp"
#include "core/metrics/registry.hpp"

namespace ioswarm {

/// What the engine counts of agents, batches, answers and blocks.
struct EngineCounters {
    explicit EngineCounters(const metrics::Registry& registry);

    metrics::Counter agents_registered, agents_refused_capacity;
    metrics::Counter agents_evicted, agents_ended;
    metrics::Counter agents_held_back;
    metrics::Counter streams_replaced;
    metrics::Counter tasks_timed_out, tasks_taken_back;
    metrics::Counter tasks_given_at_l3, tasks_given_at_l4;
    metrics::Counter tasks_lowered_batch_full, tasks_lowered_no_accounts;
    metrics::Counter batches_timed_out, batches_never_taken, batches_excused;
    metrics::Counter idle_batches_sent, idle_batches_answered;
    metrics::Counter results_accepted;
    metrics::Histogram task_round_trip;  ///< from the sending of a batch to the acceptance of its answer
    // Results that were refused, by reason.
    metrics::Counter refused_not_registered, refused_unknown_batch, refused_unknown_task, refused_repeated,
        refused_late, refused_empty;
    metrics::Counter submissions_not_recorded, submissions_refused_rate;
    metrics::Counter answers_unlike_our_run;
    metrics::Counter blocks_compared;
    metrics::Counter actions_unmatched, actions_unhashable;  ///< actions of blocks that cannot be compared
    metrics::Counter stalls;
    metrics::Counter tips_lowered;  ///< how often a lower tip was taken, because the one before was wrong
    metrics::Gauge tasks_known, tasks_waiting, tasks_with_agents;
};

/// What happened to tasks.
struct TaskCounters {
    explicit TaskCounters(const metrics::Registry& registry);

    metrics::Counter created;
    metrics::Counter dropped;    ///< dropped as the oldest of a full queue
    metrics::Counter given_up;   ///< tried on as many agents as allowed
    metrics::Counter forgotten;  ///< left the pool without being mined, long ago
    metrics::Counter mined;
    metrics::Counter mined_before;     ///< mined before this start, although the first poll listed them
    metrics::Counter mined_unseen;     ///< mined actions that no poll of the pool had shown
    metrics::Counter actions_mined;    ///< mined after the first poll, without the chain's own actions
    metrics::Counter actions_covered;  ///< of these, handed out to an agent before their block
};

/// Reads of accounts.
struct ReadCounters {
    explicit ReadCounters(const metrics::Registry& registry);

    metrics::Counter accounts;      ///< accounts read
    metrics::Counter failed;        ///< answered with an error
    metrics::Counter out_of_range;  ///< the tip had moved on; they are read again at the new tip
    metrics::Counter late;          ///< tasks whose accounts did not arrive in time
};

/// What the threads that read accounts measure.
struct ReadWorkerCounters {
    explicit ReadWorkerCounters(const metrics::Registry& registry);

    metrics::Histogram read_time;  ///< of each read of accounts from the source
};

/// Runs of transactions. They are declared when runs are wanted; until then nothing shows them.
struct RunCounters {
    RunCounters() = default;
    explicit RunCounters(const metrics::Registry& registry);

    std::array<metrics::Counter, kRunEnds> ends;  ///< indexed by RunEnd
    metrics::Counter late;                        ///< runs that did not finish in time
};

/// What the block follower counts.
struct BlockCounters {
    explicit BlockCounters(const metrics::Registry& registry);

    metrics::Counter errors;
    metrics::Counter skips;   ///< how often missed blocks were skipped
    metrics::Counter alarms;  ///< blocks with actions whose hash matches no receipt
};

/// What the coordinator's threads count.
struct CoordinatorCounters {
    explicit CoordinatorCounters(const metrics::Registry& registry);

    metrics::Counter registers_too_soon;
    metrics::Counter polls, poll_errors;
    // How often dispatch stopped, by reason.
    metrics::Counter ledger_stops, tip_stops, block_stops;
    metrics::Counter account_outages;     ///< how often no account could be read any more
    metrics::Gauge blocks_behind_ledger;  ///< blocks that the source is behind; 0: no more than normal
};

}  // namespace ioswarm
