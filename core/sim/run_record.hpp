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

/// How a submission ended, as the agent saw it.
enum class Outcome : std::uint8_t {
    accepted,
    refused_late,  ///< "too late": it went to another agent
    refused,       ///< for another reason
    rate_limited,  ///< RESOURCE_EXHAUSTED
    unknown,       ///< no answer came: it may have been taken or not
};

/// What one agent did and saw. Touched by that agent's callbacks only, and read when the agents have left.
struct AgentTally {
    std::uint64_t batches = 0;
    std::uint64_t tasks = 0;     ///< received
    std::uint64_t answers = 0;   ///< accepted
    std::uint64_t correct = 0;   ///< accepted, to transactions that are mined, and as the block proves
    std::uint64_t compared = 0;  ///< accepted, to transactions that are mined
    std::uint64_t late = 0;      ///< tasks answered and refused as too late
    std::uint64_t refused = 0;   ///< tasks answered and refused otherwise
    std::uint64_t unknown = 0;   ///< tasks answered, with no word about what became of it
    std::uint64_t compute_us = 0;
};

/// All agents together.
struct RunTotals {
    std::uint64_t batches = 0;
    std::uint64_t tasks = 0;
    std::uint64_t answers = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    /// Accepted, to transactions that are mined, from execution: all; with gas; with wrong gas and with a wrong
    /// state on purpose.
    std::uint64_t executed = 0;
    std::uint64_t gas_told = 0;
    std::uint64_t wrong_gas = 0;
    std::uint64_t wrong_state = 0;
    std::uint64_t unlike_receipt = 0;  ///< of these: right, although the block says otherwise
    std::uint64_t abandoned = 0;       ///< tasks that agents had and never answered
    std::uint64_t late = 0;
    std::uint64_t refused = 0;
    std::uint64_t unknown = 0;
    std::uint64_t compute_us = 0;
    std::uint64_t payouts = 0;         ///< announced to agents
    std::uint64_t strangers = 0;       ///< tasks with bytes that no transaction of the run has
    std::uint64_t unlike_rules = 0;    ///< answers that are not what the seed says this transaction is answered
    std::uint64_t accepted_twice = 0;  ///< answers of an agent that had answered this transaction before
    std::uint64_t accepted_beyond = 0;  ///< answers beyond the redundancy
    std::uint64_t second_refused =
        0;  ///< submissions handed in again; accepted ones are a fault of the coordinator
    std::uint64_t second_accepted = 0;
    std::uint64_t foreign_refused = 0;  ///< submissions for others
    std::uint64_t foreign_accepted = 0;
    std::uint64_t vanished = 0;
    std::uint64_t returned = 0;
    std::uint64_t unreadable = 0;
};

/// What became of the run's transactions, by the agents' record.
struct TxTotals {
    std::uint64_t answered = 0;          ///< by as many agents as it takes
    std::uint64_t mined_unanswered = 0;  ///< mined, and fewer have answered
    std::uint64_t forged_unanswered = 0;
    /// Of these two: the coordinator never gave this transaction's task up, and no answer to it is of unknown
    /// end.
    std::uint64_t lost = 0;
    std::optional<std::uint32_t> first_lost;  ///< its place in Scenario::transactions()
    std::uint64_t left_unanswered = 0;        ///< pushed out of the pool before
    std::uint64_t forged_accepted = 0;        ///< forged ones that were answered to be valid
    std::uint64_t forged_rejected = 0;
};

/// The swarm's own record of a run: what agents were given, what they answered, and what they were told. Kept
/// beside the coordinator and never asked by it, so that the two can be compared. Without a scenario (a
/// coordinator elsewhere) only tallies and times are kept. Thread-safe; one callback of an agent at a time.
class RunRecord {
  public:
    /// `scenario` may be null; else it must outlive this.
    RunRecord(const Scenario* scenario, std::uint32_t agents);

    struct Answered {
        std::optional<std::uint32_t> tx;
        bool valid = false;
        bool executed = false;  ///< the task carried what the agent executes
        bool has_gas = false;   ///< the answer tells some gas
    };

    /// The transaction of a task; nothing without a scenario, or for bytes that are none of the run's
    /// (counted).
    [[nodiscard]] std::optional<std::uint32_t> identify(BytesView tx_raw);
    /// The source has shown it for the first time.
    void listed(std::uint32_t tx, Clock::Steady now) noexcept;
    [[nodiscard]] bool was_listed(std::uint32_t tx) const noexcept;

    /// The coordinator gives no agent this transaction's task any more (CoordinatorSettings::on_given_up).
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

    /// Transactions due for block `height` that too few have answered.
    [[nodiscard]] std::uint64_t unanswered(std::uint64_t height) const;
    /// Those of them, and of the blocks before, for which there is no reason yet (TxTotals::lost).
    [[nodiscard]] std::uint64_t owed(std::uint64_t height) const;
    /// Waits until there are none, or `until`.
    bool wait_answered(std::uint64_t height, Clock::Steady until, const std::stop_token& stop);

    /// Answers to this transaction that were accepted.
    [[nodiscard]] std::uint32_t answers_to(std::uint32_t tx) const noexcept;
    [[nodiscard]] const std::vector<AgentTally>& agents() const noexcept { return agents_; }
    /// A moment's view of what is counted while the run goes on.
    [[nodiscard]] std::uint64_t answers_so_far() const noexcept {
        return answers_.load(std::memory_order_relaxed);
    }
    /// Once the agents have left.
    [[nodiscard]] RunTotals totals() const;
    [[nodiscard]] TxTotals transactions() const;

    /// From the source's showing it to its answer's being accepted.
    [[nodiscard]] const LatencyHistogram& task_latency() const noexcept { return task_latency_; }
    /// From the batch's coming in to its answer's being accepted, each batch.
    [[nodiscard]] const LatencyHistogram& agent_latency() const noexcept { return agent_latency_; }

  private:
    struct Tx {
        std::atomic<std::int64_t> listed_at{0};
        std::atomic<std::uint16_t> answers{0};
        std::atomic<std::uint16_t> valid{0};
        std::atomic<std::uint16_t> unknown{
            0};  // answers that no word came about: the coordinator may have them
        std::atomic<bool> given_up{false};
    };

    /// It has the answers that it takes, or may have them, or the coordinator gave it up.
    [[nodiscard]] bool is_accounted_for(const Tx& tx) const noexcept;
    void accept(std::uint32_t agent, const Answered& answer, Clock::Steady now);
    void count_execution(const PlannedTx& planned, const Answered& answer);

    const Scenario* const scenario_;
    std::vector<Tx> txs_;
    std::vector<AgentTally> agents_;
    std::vector<std::vector<std::uint32_t>>
        answered_;  ///< by agent: places, as agents_ touched by its callbacks only
    LatencyHistogram task_latency_;
    LatencyHistogram agent_latency_;
    std::atomic<std::uint64_t> answers_{0}, strangers_{0}, unlike_rules_{0}, accepted_beyond_{0},
        second_refused_{0}, second_accepted_{0}, foreign_refused_{0}, foreign_accepted_{0}, vanished_{0},
        returned_{0}, unreadable_{0}, payouts_{0}, executed_{0}, gas_told_{0}, wrong_gas_{0}, wrong_state_{0},
        unlike_receipt_{0};

    mutable std::mutex mutex_;  // guards unanswered_
    std::condition_variable_any answered_all_;
    std::vector<std::uint64_t> unanswered_;  // by height they are due for
};

}  // namespace ioswarm::sim
