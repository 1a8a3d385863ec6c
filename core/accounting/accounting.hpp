// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

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

/// One accepted answer to one task, on its way into the books. The coordinator has already checked that this
/// agent was given this task in this batch, once, and in time.
struct Answer {
    std::string agent_id;
    /// Hash that receipts use; nothing for an action that cannot be compared (it is paid as work all the same).
    std::optional<Hash256> action_hash;
    Hash256 raw_id;  ///< PoolAction::raw_id
    Address sender;
    bool valid = false;
    bool has_reject_reason = false;
    bool executed =
        false;  ///< an answer from execution: the task carried evm_tx and the agent is at L3 or above
    std::uint64_t latency_us = 0;  ///< bounded by the coordinator to what can be true
    /// The newest block known when it came, 0 = none. An answer from execution that came when its block was
    /// known could have been copied from the receipt: it is never counted as a match, though as a mismatch.
    std::uint64_t known_height = 0;
    RunComparison run;  ///< of an answer from execution; says nothing when we have no run of the task
};

/// An action of a block that was handed out and has no answer in the books yet.
struct DispatchedAction {
    Hash256 action_hash;
    Address sender;
};

/// What came of the wallet that an agent named.
struct WalletNaming {
    /// Above 0: the wallet was not changed, because the last change was too short a time ago; how long to wait.
    std::chrono::seconds wait{0};
};

/// Everything that counts: answers, shadow comparison, work of the running epoch, payouts, wallets. What it
/// says is durable is in the ledger; what it shows is what the ledger holds plus nothing. Threads: record() and
/// the views from any; on_block() from the block thread only.
class Accounting {
  public:
    /// Takes up where the ledger stands. `settler` may be null. Errors: of the ledger.
    [[nodiscard]] static Result<std::unique_ptr<Accounting>> open(Ledger& ledger,
                                                                  const CoordinatorSettings& settings,
                                                                  const Clock& clock, RewardSettler* settler,
                                                                  Log log);
    ~Accounting();
    Accounting(const Accounting&) = delete;
    Accounting& operator=(const Accounting&) = delete;

    /// Makes the answers of one submission durable (group commit with others under way) and counts them as work
    /// of the running epoch. An answer that this agent already gave to this action is kept as it was and
    /// counted no second time. `done` comes once: from the ledger's thread with ok or io/data_loss, or, when
    /// the ledger's queue is full or closed, from the caller's with resource_exhausted/unavailable. On an error
    /// nothing was counted.
    void record(std::vector<Answer> answers, std::function<void(Status)> done);

    /// Compares the block's transactions with the answers held, late ones too, and ends the epoch when it is
    /// due: one ledger transaction, so that a kill repeats the block or has it whole. Blocks must come in
    /// order, gaps are allowed; one at or below last_height() is no change. `dispatched` may name actions of
    /// this block that are out with agents and unanswered: the nonce-race rule counts them among the sender's
    /// other transactions. Waits for the ledger. Errors: of the ledger; the block is then not counted and may
    /// be given again.
    [[nodiscard]] Status on_block(const ExecutedBlock& block,
                                  std::span<const DispatchedAction> dispatched = {});

    /// Drops the answers to actions (by raw_id) that left the pool and were not mined in time, with the next
    /// block. Answers to unmined actions stay until then, whatever their age, since they are what keeps an
    /// agent from being paid twice: whoever dispatches owes this call for each action answered, those of
    /// open_answers() too.
    void forget(const std::vector<Hash256>& raw_ids);

    /// Height of the last block taken; 0 = none yet.
    [[nodiscard]] std::uint64_t last_height() const;

    /// Actions (by raw_id) that agents answered and that are neither mined nor forgotten; right after open()
    /// those from before a restart, which must not be handed out again to the agents that answered. Value =
    /// answers held.
    [[nodiscard]] std::vector<std::pair<Hash256, std::uint32_t>> open_answers() const;
    /// Agents that answered this action and wait for its block; empty for an unknown one.
    [[nodiscard]] std::vector<std::string> answered_by(const Hash256& raw_id) const;

    /// A first number for task ids and batch ids such that none handed out before a restart repeats: the ledger
    /// reserves ranges ahead. `count` ≥ 1 ids starting at the value given. Error: of the ledger.
    [[nodiscard]] Result<std::uint64_t> reserve_ids(std::uint64_t count);

    using Welcomed = std::function<void(Result<WalletNaming>)>;
    /// An agent registers and names a wallet, or none (an earlier one stays). A wallet that replaces another
    /// counts from the next epoch on, and is replaced itself no sooner than wallet_change_interval later. Does
    /// not wait for the ledger. `done` comes once: from another thread when a change of wallet is durable, or
    /// from the caller's when too much waits. From then on the agent's payout notices are in memory too.
    /// Errors: resource_exhausted (try again), unavailable, and those of the ledger; no change was written
    /// then.
    void welcome(const std::string& agent_id, const std::optional<Address>& wallet, Welcomed done);

    /// The oldest payout of this agent that it was not told of yet. Does not wait for the ledger: of an agent
    /// that was not welcomed since the start, or of whom very many are due, it comes with a later call. The
    /// ledger marks within about a second, together with others, that it was told.
    [[nodiscard]] std::optional<PayoutInfo> take_payout(const std::string& agent_id);
    /// The settlement of these payouts (agent and epoch) is final: their notices go out from now on. Those that
    /// were told of before, or are unknown, are passed over. Waits for the ledger: never from a network thread.
    /// Returns how many began to be due. Errors: of the ledger; nothing was changed then.
    [[nodiscard]] Result<std::size_t> payouts_final(
        const std::vector<std::pair<std::string, std::uint64_t>>& payouts);
    /// Marks now, and waits for it. For tests; the destructor does it too.
    [[nodiscard]] Status mark_payouts_told();

    [[nodiscard]] ShadowTotals shadow() const;
    /// The first epoch is 0. Without shadow mode every task counts as compared, by the agent's own word.
    [[nodiscard]] EpochView epoch() const;
    /// Agents with tasks in the running epoch, most tasks first, equal ones by id.
    [[nodiscard]] std::vector<LeaderboardEntry> leaderboard() const;
    /// An entry for each closed epoch that paid this agent; the totals are over all closed epochs, paid or not.
    /// Empty for an unknown agent. Error: of the ledger.
    [[nodiscard]] Result<RewardsView> rewards(const std::string& agent_id) const;
    /// Lifetime totals that survive restarts.
    [[nodiscard]] std::uint64_t tasks_received() const;
    /// Ok while the ledger takes writes.
    [[nodiscard]] Status ready() const;
    /// answers_repeated (an agent's second answer to an action), answers_held, notices_unmarked (payouts that
    /// agents were told of and the ledger has not marked yet), wallet_changes_too_soon, and those of the
    /// ledger.
    [[nodiscard]] std::map<std::string, std::uint64_t> counters() const;

  private:
    struct Impl;
    explicit Accounting(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
