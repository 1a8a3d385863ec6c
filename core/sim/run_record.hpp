// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ports/clock.hpp"
#include "core/sim/latency_histogram.hpp"
#include "core/sim/scenario.hpp"

namespace ioswarm::sim {

/// How a submission ended, from the agent's point of view.
enum class Outcome : std::uint8_t {
    accepted,
    refused_late,  ///< refused as "too late": the task went to another agent
    refused,       ///< refused for another reason
    rate_limited,  ///< RESOURCE_EXHAUSTED
    unknown,       ///< no response came, so the coordinator may or may not have accepted it
};

/// What one agent did and saw. Written only by that agent's callbacks, and read after the agents have left.
struct AgentTally {
    std::uint64_t batches = 0;
    std::uint64_t tasks = 0;     ///< tasks received
    std::uint64_t answers = 0;   ///< answers accepted
    std::uint64_t correct = 0;   ///< accepted answers about mined transactions that the block proves right
    std::uint64_t compared = 0;  ///< accepted answers about mined transactions
    std::uint64_t late = 0;      ///< tasks whose answer was refused as too late
    std::uint64_t refused = 0;   ///< tasks whose answer was refused for another reason
    std::uint64_t unknown = 0;   ///< tasks whose answer got no response
    std::uint64_t compute_us = 0;
};

/// The sums over all agents.
struct RunTotals {
    std::uint64_t batches = 0;
    std::uint64_t tasks = 0;
    std::uint64_t answers = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    /// Accepted answers from execution about mined transactions: all of them, those with gas, those with wrong
    /// gas on purpose, and those with wrong state on purpose.
    std::uint64_t executed = 0;
    std::uint64_t gas_told = 0;
    std::uint64_t wrong_gas = 0;
    std::uint64_t wrong_state = 0;
    std::uint64_t unlike_receipt = 0;  ///< among `executed`: right answers that contradict the block
    std::uint64_t abandoned = 0;       ///< tasks that agents received and never answered
    std::uint64_t late = 0;
    std::uint64_t refused = 0;
    std::uint64_t unknown = 0;
    std::uint64_t compute_us = 0;
    std::uint64_t payouts = 0;          ///< payouts announced to agents
    std::uint64_t strangers = 0;        ///< tasks whose bytes belong to no transaction of the run
    std::uint64_t unlike_rules = 0;     ///< answers that differ from what the seed predicts
    std::uint64_t accepted_twice = 0;   ///< answers of an agent that had already answered the transaction
    std::uint64_t accepted_beyond = 0;  ///< answers beyond the redundancy
    /// Repeated submissions that were refused. Accepted ones are a fault of the coordinator.
    std::uint64_t second_refused = 0;
    std::uint64_t second_accepted = 0;
    std::uint64_t foreign_refused = 0;  ///< submissions for other agents
    std::uint64_t foreign_accepted = 0;
    std::uint64_t vanished = 0;
    std::uint64_t returned = 0;
    std::uint64_t unreadable = 0;
};

/// What happened to the transactions of the run, according to the agents' record.
struct TxTotals {
    std::uint64_t answered = 0;          ///< answered by enough agents
    std::uint64_t mined_unanswered = 0;  ///< mined, but answered by too few agents
    std::uint64_t forged_unanswered = 0;
    /// How many of these two have no explanation: the coordinator never gave up the transaction's task, and no
    /// answer to it lacks a response.
    std::uint64_t lost = 0;
    std::optional<std::uint32_t> first_lost;  ///< index in Scenario::transactions()
    std::uint64_t left_unanswered = 0;        ///< left the pool before enough agents answered
    std::uint64_t forged_accepted = 0;        ///< forged transactions that were answered as valid
    std::uint64_t forged_rejected = 0;
};

/// The agents' own record of a run: what agents were given, what they answered, and what they were told. It is
/// kept apart from the coordinator, which never reads it, so that the two can be compared. Without a scenario
/// (for a coordinator elsewhere) it keeps only tallies and times. Thread-safe, except that callbacks of the
/// same agent must not overlap.
class RunRecord {
  public:
    /// `scenario` may be null; otherwise it must outlive this object.
    RunRecord(const Scenario* scenario, std::uint32_t agents);

    struct Answered {
        std::optional<std::uint32_t> tx;
        bool valid = false;
        bool executed = false;  ///< the task carried the transaction and the agent executed it
        bool has_gas = false;   ///< the answer states a gas above 0
    };

    /// Finds the transaction of a task. Empty without a scenario, or if the bytes belong to no transaction of
    /// the run (these are counted).
    [[nodiscard]] std::optional<std::uint32_t> identify(BytesView tx_raw);
    /// Records that the source listed the transaction for the first time.
    void listed(std::uint32_t tx, Clock::Steady now) noexcept;
    [[nodiscard]] bool was_listed(std::uint32_t tx) const noexcept;

    /// Records that the coordinator will give this transaction's task to no further agent
    /// (CoordinatorSettings::on_given_up).
    void given_up(const Hash256& raw_id) noexcept;

    void delivered(std::uint32_t agent, std::size_t tasks);
    void computed(std::uint32_t agent, std::chrono::nanoseconds took);
    void submitted(std::uint32_t agent, std::span<const Answered> answers, Outcome outcome,
                   Clock::Steady delivered_at, Clock::Steady now);
    void second_submission(Outcome outcome);
    void foreign_submission(Outcome outcome);
    void vanished();
    void returned();
    void unreadable();
    void paid();

    /// Number of transactions due for block `height` that too few agents have answered.
    [[nodiscard]] std::uint64_t unanswered(std::uint64_t height) const;
    /// Number of unanswered transactions up to this block for which there is no explanation yet
    /// (TxTotals::lost).
    [[nodiscard]] std::uint64_t owed(std::uint64_t height) const;
    /// Waits until unanswered(height) is 0, or until the time `until`.
    bool wait_answered(std::uint64_t height, Clock::Steady until, const std::stop_token& stop);

    /// Number of accepted answers to this transaction.
    [[nodiscard]] std::uint32_t answers_to(std::uint32_t tx) const noexcept;
    [[nodiscard]] const std::vector<AgentTally>& agents() const noexcept { return agents_; }
    /// The number of answers accepted so far; may be read while the run goes on.
    [[nodiscard]] std::uint64_t answers_so_far() const noexcept {
        return answers_.load(std::memory_order_relaxed);
    }
    /// Call these two after the agents have left.
    [[nodiscard]] RunTotals totals() const;
    [[nodiscard]] TxTotals transactions() const;

    /// Times from the first listing of a transaction until its answer was accepted.
    [[nodiscard]] const LatencyHistogram& task_latency() const noexcept { return task_latency_; }
    /// Times from the arrival of a batch until its answer was accepted, one per batch.
    [[nodiscard]] const LatencyHistogram& agent_latency() const noexcept { return agent_latency_; }

  private:
    struct Tx {
        std::atomic<std::int64_t> listed_at{0};
        std::atomic<std::uint16_t> answers{0};
        std::atomic<std::uint16_t> valid{0};
        std::atomic<std::uint16_t> unknown{0};  // answers without a response: the coordinator may have them
        std::atomic<bool> given_up{false};
    };

    /// True if the transaction has enough answers, counting those without a response, or if its task was given
    /// up.
    [[nodiscard]] bool is_accounted_for(const Tx& tx) const noexcept;
    void accept(std::uint32_t agent, const Answered& answer, Clock::Steady now);
    void count_execution(const PlannedTx& planned, const Answered& answer);

    const Scenario* const scenario_;
    std::vector<Tx> txs_;
    std::vector<AgentTally> agents_;
    std::vector<std::vector<std::uint32_t>> answered_;  ///< by agent: indexes of answered transactions; like
                                                        ///< agents_, written only by that agent's callbacks
    LatencyHistogram task_latency_;
    LatencyHistogram agent_latency_;
    std::atomic<std::uint64_t> answers_{0}, strangers_{0}, unlike_rules_{0}, accepted_beyond_{0},
        second_refused_{0}, second_accepted_{0}, foreign_refused_{0}, foreign_accepted_{0}, vanished_{0},
        returned_{0}, unreadable_{0}, payouts_{0}, executed_{0}, gas_told_{0}, wrong_gas_{0}, wrong_state_{0},
        unlike_receipt_{0};

    mutable std::mutex mutex_;  // guards unanswered_
    std::condition_variable_any answered_all_;
    std::vector<std::uint64_t> unanswered_;  // by the height for which they are due
};

}  // namespace ioswarm::sim
