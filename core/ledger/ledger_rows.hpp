// SPDX-License-Identifier: Apache-2.0
#pragma once

// The rows of the ledger's tables, as plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"

namespace ioswarm {

/// The result of comparing one answer with the chain.
enum class AnswerOutcome : std::uint8_t {
    none,  ///< not compared, or not yet
    matched,
    /// Counted as a match: the agent could not know that another action of the sender came first.
    nonce_race,
    false_positive,  ///< the agent said valid, the chain said invalid
    false_negative,  ///< the agent said invalid, the chain said valid
    /// Counted as a match: the answer equals our own run of the task, but the block says otherwise, because an
    /// earlier transaction in the same block changed the state that the task ran on.
    state_race,
};

/// The outcome of our own run of a task, by the rules of the agent's virtual machine.
enum class OwnRun : std::uint8_t {
    none,  ///< there is no run, or its outcome is unknown: the receipt decides
    invalid,
    valid,
};

/// The result of comparing a figure of an answer with the same figure of our own run.
enum class Agreement : std::uint8_t { not_compared, same, differs };

/// The comparison of an answer from execution with our own run of its task. It is stored with the answer,
/// because it is counted only when the action's block arrives.
struct RunComparison {
    OwnRun own = OwnRun::none;
    /// The agent ran the task on its own state (L4). `valid` is then right if it equals our run or the receipt.
    bool receipt_counts_too = false;
    Agreement gas = Agreement::not_compared;
    Agreement state = Agreement::not_compared;
    bool operator==(const RunComparison&) const = default;
};

/// An answer that is still needed: to compare it, or to know that this agent was already paid for this action.
/// A row is written once, at the end of its table, and removed when it is no longer needed. That its action was
/// mined is in recent_blocks. Its work is added to the counts with the next block
/// (LedgerNumbers::counted_answers).
struct AnswerRow {
    std::uint64_t id = 0;  ///< rises in the order of recording; never reused
    Hash256 raw_id;
    std::string agent_id;
    std::optional<Hash256> action_hash;
    Address sender;
    bool valid = false;
    bool has_reject_reason = false;
    bool executed = false;
    /// Recorded without shadow mode: counted as correct or not by the agent's own claim.
    bool own_word = false;
    AnswerOutcome late_verdict =
        AnswerOutcome::none;  ///< the outcome, when its action was mined before it arrived
    std::uint64_t latency_us = 0;
    /// The same as Answer::known_height. It is 0 in rows that schema version 1 wrote.
    std::uint64_t known_height = 0;
    RunComparison run;
};

/// The work of one agent in the running epoch, up to LedgerNumbers::counted_answers.
struct WorkRow {
    std::string agent_id;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    std::uint64_t latency_us = 0;  ///< sum over its tasks
    bool operator==(const WorkRow&) const = default;
};

/// One action of a recent block. Late answers are compared with it.
struct MinedAction {
    Hash256 action_hash;
    bool succeeded = false;
};

/// A recent block, with the results of its actions.
struct RecentBlockRow {
    std::uint64_t height = 0;
    std::vector<MinedAction> actions;
    /// The senders of dispatched actions that succeeded in this block, for the nonce-race rule.
    std::vector<Address> senders_succeeded;
};

/// The ledger's one row of numbers: the position on the chain, the running epoch, and the totals of all
/// comparisons since the ledger was made.
struct LedgerNumbers {
    std::uint64_t last_height = 0;  ///< 0: no block yet
    std::uint64_t epoch = 0;
    std::uint64_t epoch_first_height = 0;  ///< 0: its first block has not arrived
    std::int64_t epoch_started_ms = 0;     ///< ms since 1970; 0: it has not started
    std::uint64_t closed_tasks = 0;        ///< answers that were counted in closed epochs
    std::uint64_t counted_answers = 0;     ///< answers up to this id are in `work` and in these numbers
    std::uint64_t compared = 0;
    std::uint64_t matched = 0;
    std::uint64_t false_positives = 0;
    std::uint64_t false_negatives = 0;
    std::uint64_t nonce_race_excluded = 0;
    std::uint64_t state_race_excluded = 0;  ///< AnswerOutcome::state_race
    // Answers whose gas and whose state changes were compared with our own run.
    std::uint64_t evm_gas_matches = 0;
    std::uint64_t evm_gas_mismatches = 0;
    std::uint64_t evm_state_matches = 0;
    std::uint64_t evm_state_mismatches = 0;
    bool operator==(const LedgerNumbers&) const = default;
};

/// An agent: its wallets and its lifetime totals.
struct AgentRow {
    std::string agent_id;
    std::optional<Address> wallet;       ///< valid in the running epoch
    std::optional<Address> next_wallet;  ///< valid from the next epoch on
    std::uint64_t tasks = 0;             ///< this and the next three: sums over closed epochs
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    U256 earned_rau;
};

/// A closed epoch.
struct EpochRow {
    std::uint64_t epoch = 0;
    std::uint64_t first_height = 0;
    std::uint64_t last_height = 0;
    std::int64_t started_ms = 0;
    std::int64_t ended_ms = 0;
    U256 reward_rau;
    U256 cut_rau;
    U256 pool_rau;  ///< sum of its payouts; 0 when no agent was eligible
    std::uint64_t agents = 0;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
};

/// The state of the notice that tells an agent of its payout.
enum class PayoutNotice : std::int64_t {
    due = 0,  ///< to be sent with the next heartbeat
    sent = 1,
    waiting = 2,  ///< held back until the settlement is final
};

/// What a closed epoch pays one agent. `rank` counts from 1.
struct PayoutRow {
    std::uint64_t epoch = 0;
    std::string agent_id;
    U256 amount_rau;
    U256 weight;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    std::uint32_t rank = 0;
    std::uint32_t paid_agents = 0;  ///< number of agents that the epoch pays
    bool bonus = false;
    /// The wallet when the epoch closed. Nothing: the agent had none, and its share stays owed.
    std::optional<Address> wallet;
    PayoutNotice notice = PayoutNotice::due;
};

/// A change of an agent's wallet, kept for audits.
struct WalletChangeRow {
    std::string agent_id;
    std::optional<Address> before;
    Address after;
    std::int64_t at_ms = 0;
    std::uint64_t from_epoch = 0;
};

/// Everything that is kept in memory while the daemon runs. Its size is bounded by the pending actions and the
/// working agents.
struct LedgerState {
    LedgerNumbers numbers;
    std::vector<AnswerRow> answers;
    std::vector<WorkRow> work;
    std::vector<RecentBlockRow> recent;  ///< in ascending order of height
};

}  // namespace ioswarm
