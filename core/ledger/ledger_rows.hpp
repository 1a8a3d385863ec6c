// SPDX-License-Identifier: Apache-2.0
#pragma once

// What stands in the ledger's tables, as plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"

namespace ioswarm {

/// What comparing one answer with the chain came to.
enum class Verdict : std::uint8_t {
    none,  ///< not compared (yet)
    matched,
    nonce_race,      ///< counted as a match: the agent could not know that the sender's other action came first
    false_positive,  ///< agent valid, chain invalid
    false_negative,  ///< agent invalid, chain valid
    /// Counted as a match: the answer is what our own run of the task gives, and the block says otherwise,
    /// because an earlier transaction of the same block changed the state that the task was run over.
    state_race,
};

/// Whether our own run of a task ends with success, as the agent's virtual machine would have it.
enum class OwnRun : std::uint8_t {
    none,  ///< there is no run, or its outcome is not known: the receipt decides
    invalid,
    valid,
};

/// How a figure of an answer compares with the same figure of our own run.
enum class Agreement : std::uint8_t { not_compared, same, differs };

/// An answer from execution beside our own run of its task. Kept with the answer, because what is compared is
/// counted only when the block of the action comes.
struct RunComparison {
    OwnRun own = OwnRun::none;
    /// The agent ran the task over its own state (L4): `valid` is right when it equals our run or the receipt.
    bool receipt_counts_too = false;
    Agreement gas = Agreement::not_compared;
    Agreement state = Agreement::not_compared;
    bool operator==(const RunComparison&) const = default;
};

/// An answer that is still needed: to compare it, or to know that this agent was paid for this action already.
/// Written once, at the end of its table, and removed when its time is over: that its action was mined stands
/// in recent_blocks, and what it adds to work and numbers is written with the next block
/// (LedgerNumbers::counted_answers).
struct AnswerRow {
    std::uint64_t id = 0;  ///< ascending in the order of recording, never used again
    Hash256 raw_id;
    std::string agent_id;
    std::optional<Hash256> action_hash;
    Address sender;
    bool valid = false;
    bool has_reject_reason = false;
    bool executed = false;
    bool own_word = false;  ///< recorded without shadow mode: counted as correct or not by what the agent said
    Verdict late_verdict = Verdict::none;  ///< when its action had been mined before it came
    std::uint64_t latency_us = 0;
    /// As Answer::known_height; 0 in rows that were written by schema version 1.
    std::uint64_t known_height = 0;
    RunComparison run;
};

/// Work of one agent in the running epoch, up to LedgerNumbers::counted_answers.
struct WorkRow {
    std::string agent_id;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    std::uint64_t latency_us = 0;  ///< sum over its tasks
    bool operator==(const WorkRow&) const = default;
};

/// One action of a recent block: what a late answer is compared with.
struct MinedAction {
    Hash256 action_hash;
    bool succeeded = false;
};

struct RecentBlockRow {
    std::uint64_t height = 0;
    std::vector<MinedAction> actions;
    /// Senders of dispatched actions that succeeded in this block (nonce-race rule).
    std::vector<Address> senders_succeeded;
};

/// Lifetime counters of shadow comparison, and the running epoch: one row of numbers.
struct LedgerNumbers {
    std::uint64_t last_height = 0;  ///< 0 = no block yet
    std::uint64_t epoch = 0;
    std::uint64_t epoch_first_height = 0;  ///< 0 = its first block has not come
    std::int64_t epoch_started_ms = 0;     ///< since 1970; 0 = it has not started yet
    std::uint64_t closed_tasks = 0;        ///< answers counted in closed epochs
    std::uint64_t counted_answers = 0;     ///< answers up to this id are in `work` and in these numbers
    std::uint64_t compared = 0;
    std::uint64_t matched = 0;
    std::uint64_t false_positives = 0;
    std::uint64_t false_negatives = 0;
    std::uint64_t nonce_race_excluded = 0;
    std::uint64_t state_race_excluded = 0;  ///< Verdict::state_race
    // Answers whose gas and whose changes of state were compared with our own run.
    std::uint64_t evm_gas_matches = 0;
    std::uint64_t evm_gas_mismatches = 0;
    std::uint64_t evm_state_matches = 0;
    std::uint64_t evm_state_mismatches = 0;
    bool operator==(const LedgerNumbers&) const = default;
};

struct AgentRow {
    std::string agent_id;
    std::optional<Address> wallet;       ///< in force in the running epoch
    std::optional<Address> next_wallet;  ///< in force from the next epoch on
    std::uint64_t tasks = 0;             ///< in closed epochs, as the next three
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
    U256 pool_rau;  ///< what the payouts add up to; 0 when nobody was eligible
    std::uint64_t agents = 0;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
};

/// Where the notice of a payout to its agent stands.
enum class PayoutNotice : std::int64_t {
    due = 0,  ///< goes out with the next heartbeat
    sent = 1,
    waiting = 2,  ///< until the settlement is final
};

struct PayoutRow {
    std::uint64_t epoch = 0;
    std::string agent_id;
    U256 amount_rau;
    U256 weight;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;
    std::uint32_t rank = 0;
    std::uint32_t paid_agents = 0;  ///< of the epoch
    bool bonus = false;
    std::optional<Address> wallet;  ///< at the close; nothing = the share stays owed
    PayoutNotice notice = PayoutNotice::due;
};

/// A wallet replaced by another, kept for audit.
struct WalletChangeRow {
    std::string agent_id;
    std::optional<Address> before;
    Address after;
    std::int64_t at_ms = 0;
    std::uint64_t from_epoch = 0;
};

/// Everything that is kept in memory while the daemon runs; bounded by pending actions and agents at work.
struct LedgerState {
    LedgerNumbers numbers;
    std::vector<AnswerRow> answers;
    std::vector<WorkRow> work;
    std::vector<RecentBlockRow> recent;  ///< ascending height
};

}  // namespace ioswarm
