// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/accounting/recent_answers.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/model/chain.hpp"
#include "core/model/settings.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"
#include "core/ports/reward_settler.hpp"

namespace ioswarm {

class Ledger;  // core/ledger/ledger.hpp

/// One accepted answer to one task, to be written to the ledger. The coordinator has already checked that it
/// gave this task to this agent in this batch, that this is the agent's first answer, and that it came in time.
struct Answer {
    std::string agent_id;
    /// The hash that receipts use. Empty for an action that cannot be compared; such an answer is still paid as
    /// work.
    std::optional<Hash256> action_hash;
    Hash256 raw_id;  ///< PoolAction::raw_id
    Address sender;
    bool valid = false;
    bool has_reject_reason = false;
    /// True for an answer from execution: the task carried evm_tx and its level was L3 or above.
    bool executed = false;
    std::uint64_t latency_us = 0;  ///< bounded by the coordinator to plausible values
    /// The newest block known when the answer came; 0 = none. An answer from execution that came when its block
    /// was already known could have been copied from the receipt. It can therefore count as a mismatch but
    /// never as a match.
    std::uint64_t known_height = 0;
    /// For an answer from execution; empty if the coordinator has no run of its own of this task.
    RunComparison run;
};

/// An action of a block that is with agents now and has no answer in the ledger yet.
struct DispatchedAction {
    Hash256 action_hash;
    Address sender;
};

/// An action that agents answered and that is neither mined nor forgotten.
struct OpenAnswers {
    Hash256 raw_id;
    std::optional<Hash256> action_hash;
    std::uint32_t answers = 0;  ///< number of agents that answered
};

/// The hashes of the actions in a block.
struct MinedBlock {
    std::uint64_t height = 0;
    std::vector<Hash256> actions;
};

/// The result of on_registration().
struct RegistrationOutcome {
    /// If above 0, the wallet was not changed, because the last change was too recent; the agent may try again
    /// after this time.
    std::chrono::seconds wait{0};
};

/// Keeps the agents' answers, the comparison of the answers with the blocks (shadow mode), the work of the
/// running epoch, payouts and wallets. Everything that it reports as durable is in the ledger. The const
/// functions show exactly what the ledger has. Threads: on_block() only from the block thread, everything else
/// from any thread. Functions that wait for the ledger say so; do not call them on a network thread.
class Payroll {
  public:
    /// Continues from the state in the ledger. `settler` may be null. Errors: those of the ledger.
    [[nodiscard]] static Result<std::unique_ptr<Payroll>> open(Ledger& ledger,
                                                               const CoordinatorSettings& settings,
                                                               const Clock& clock, RewardSettler* settler,
                                                               Log log);
    ~Payroll();
    Payroll(const Payroll&) = delete;
    Payroll& operator=(const Payroll&) = delete;

    /// Makes the answers of one submission durable (in a group commit with other submissions) and counts them
    /// as work of the running epoch. If this agent already answered this action, the first answer stays and the
    /// new one is not counted. Two actions with the same hash are one transaction in two envelopes, and count
    /// as the same action. `done` is called exactly once. It is called from the ledger's thread with ok, io or
    /// data_loss. If the ledger's queue is full or closed, it is called from the caller's thread with
    /// resource_exhausted or unavailable. On an error nothing was counted.
    void record(std::vector<Answer> answers, std::function<void(Status)> done);

    /// Compares the block's transactions with all answers to them, and closes the epoch when it is due. Both
    /// happen in one ledger transaction, so after a kill the block is either complete or is processed again.
    /// Blocks must come in ascending order; gaps are allowed. A block at or below last_height() changes
    /// nothing. `dispatched` lists actions of this block that agents have and did not answer yet. They matter
    /// for the nonce-race rule (comparison.hpp): if another transaction of the sender succeeded in the block, a
    /// mismatch is not counted. Waits for the ledger. Errors: those of the ledger; the block is then not
    /// counted and may be passed again.
    [[nodiscard]] Status on_block(const ExecutedBlock& block,
                                  std::span<const DispatchedAction> dispatched = {});

    /// The answers to these actions (by raw_id) are dropped when the next block is processed. Call it for
    /// actions that left the pool and were not mined in time. Answers to unmined actions are kept without an
    /// age limit, because they prevent an agent from being paid twice. The dispatcher must therefore call this
    /// for every answered action that will not be mined, including those that open_answers() returns.
    void forget(const std::vector<Hash256>& raw_ids);

    /// Height of the last block processed; 0 = none yet.
    [[nodiscard]] std::uint64_t last_height() const;

    /// Right after open() these are the actions from before a restart. They must not be handed out again to the
    /// agents that answered them.
    [[nodiscard]] std::vector<OpenAnswers> open_answers() const;
    /// The last blocks processed, as far back as late answers are compared, in ascending order of height. Right
    /// after open() these are the blocks from before a restart. A source may still list their actions.
    [[nodiscard]] std::vector<MinedBlock> recent_blocks() const;
    /// The agents that answered this action, while its block is awaited. Empty for an unknown action.
    [[nodiscard]] std::vector<std::string> answered_by(const Hash256& raw_id) const;

    /// Reserves `count` (at least 1) numbers for task ids and batch ids and returns the first. No number is
    /// ever reserved twice, even across restarts. Waits for the ledger. Errors: invalid_argument (`count` is
    /// 0), and those of the ledger.
    [[nodiscard]] Result<std::uint64_t> reserve_ids(std::uint64_t count);

    using RegistrationDone = std::function<void(Result<RegistrationOutcome>)>;
    /// Call this when an agent registers. `wallet` is the wallet that it names; without one, an earlier wallet
    /// stays. A wallet that replaces another is in force from the next epoch on. The next change is accepted
    /// only after wallet_change_interval. Does not wait for the ledger. `done` is called exactly once: from
    /// another thread when the change is durable, or from the caller's thread when too many calls wait. Once it
    /// was called with success, take_payout() can return the agent's payouts. Errors: resource_exhausted (try
    /// again), unavailable, and those of the ledger; on an error no change was written.
    void on_registration(const std::string& agent_id, const std::optional<Address>& wallet,
                         RegistrationDone done);

    /// The oldest payout that this agent has not been told of yet. Does not wait for the ledger. If the agent
    /// has not registered since the start of the program (on_registration()), or has very many unread payouts,
    /// only a later call may return the payout. Within about a second the ledger marks it as told to the agent,
    /// together with other payouts.
    [[nodiscard]] std::optional<PayoutInfo> take_payout(const std::string& agent_id);
    /// Call this when the settlement of these payouts (agent and epoch) is final: their notices are sent from
    /// now on. Payouts that are unknown, or that the agent was told of before, are skipped. Waits for the
    /// ledger, so never call it from a network thread. Returns how many notices became due. Errors: those of
    /// the ledger; then nothing was changed.
    [[nodiscard]] Result<std::size_t> payouts_final(
        const std::vector<std::pair<std::string, std::uint64_t>>& payouts);
    /// Marks all payouts that agents were told of, and waits until that is durable. Used by tests and by the
    /// destructor.
    [[nodiscard]] Status mark_notices_sent();

    /// Changes how work is turned into money, from the next epoch on: the running epoch is closed by the rules
    /// that it began with. The last call before the epoch ends counts. It is not stored: after a restart the
    /// settings of open() count at once. `settles_on_chain` and `contract` stay as they were at open().
    void change_rewards(const RewardSettings& next);
    /// The rules of the running epoch.
    [[nodiscard]] RewardSettings rewards_in_force() const;

    /// Totals of all comparisons since the ledger was created.
    [[nodiscard]] ShadowTotals shadow() const;
    /// The first epoch is 0. Without shadow mode every task counts as compared, and the agent's own answer
    /// counts as correct if it says valid.
    [[nodiscard]] EpochView epoch() const;
    /// Agents with tasks in the running epoch, sorted by tasks, most first; agents with equal tasks are sorted
    /// by id. The latency is the mean per task, in µs.
    [[nodiscard]] std::vector<LeaderboardEntry> leaderboard() const;
    /// One entry for each of the last 1,000 closed epochs that paid this agent. The totals are over all closed
    /// epochs, paid or not. Empty for an unknown agent. Errors: those of the ledger.
    [[nodiscard]] Result<RewardsView> rewards(const std::string& agent_id) const;
    /// This agent's newest answers that were compared since the start, newest first.
    [[nodiscard]] std::vector<JudgedAnswer> recent_answers(const std::string& agent_id) const;
    /// All tasks that agents ever answered; survives restarts.
    [[nodiscard]] std::uint64_t tasks_received() const;
    /// Ok while the ledger accepts writes.
    [[nodiscard]] Status ready() const;

  private:
    struct Impl;
    explicit Payroll(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
