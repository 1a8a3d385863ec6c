// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/model/chain_identity.hpp"

namespace ioswarm {

namespace sqlite {
class Database;
}

/// The number of closed epochs whose rows are kept: over five years with a block every 5 s and 360 blocks per
/// epoch. Older epochs remain only in the agents' totals. An epoch with a payout that waits for settlement is
/// kept at any age.
inline constexpr std::uint64_t kKeptEpochs = 100'000;

/// The tables of the ledger, for an operation inside its transaction. Used only on the ledger's thread. If a
/// call fails, the operation must fail with its error. Errors: io, data_loss, resource_exhausted (memory),
/// invalid_argument (a number above 2^63-1).
class LedgerTx {
  public:
    /// Prepares every statement, once.
    [[nodiscard]] static Result<std::unique_ptr<LedgerTx>> prepare(sqlite::Database& database);
    ~LedgerTx();
    LedgerTx(const LedgerTx&) = delete;
    LedgerTx& operator=(const LedgerTx&) = delete;

    [[nodiscard]] Result<LedgerState> load();
    /// Error data_loss when the row does not match its stored hash.
    [[nodiscard]] Result<LedgerNumbers> numbers();
    [[nodiscard]] Status set_numbers(const LedgerNumbers& numbers);

    /// Reserves `count` numbers that were never used before, and returns the first.
    [[nodiscard]] Result<std::uint64_t> reserve_ids(std::uint64_t count);

    /// The answer's id must be new.
    [[nodiscard]] Status add_answer(const AnswerRow& answer);
    [[nodiscard]] Status drop_answer(std::uint64_t id);

    [[nodiscard]] Status set_work(const WorkRow& work);
    [[nodiscard]] Status clear_work();

    [[nodiscard]] Status add_recent_block(const RecentBlockRow& block);
    [[nodiscard]] Status drop_recent_below(std::uint64_t height);

    /// Error data_loss when a wallet does not match its stored hash.
    [[nodiscard]] Result<std::optional<AgentRow>> agent(std::string_view agent_id);
    [[nodiscard]] Status set_agent(const AgentRow& agent);
    /// Makes every next wallet the current one.
    [[nodiscard]] Status promote_wallets();
    /// Adds a wallet change and keeps only the newest 100 of the agent.
    [[nodiscard]] Status add_wallet_change(const WalletChangeRow& change);

    /// Adds a closed epoch with all its payouts, and the hash that shows later whether they are still the same.
    /// The payouts may have any order; an agent has at most one.
    [[nodiscard]] Status add_epoch(const EpochRow& epoch, std::span<const PayoutRow> payouts);
    /// Returns false when the notice was not due, or is no longer due.
    [[nodiscard]] Result<bool> mark_notice_sent(std::uint64_t epoch, std::string_view agent_id);
    /// Call it when the settlement of the payout is final: its notice is then sent with the agent's next
    /// heartbeat. Returns false when the payout was not waiting, or is no longer waiting.
    [[nodiscard]] Result<bool> mark_notice_due(std::uint64_t epoch, std::string_view agent_id);
    /// Removes all epochs below the given one, with all their payouts. An epoch with a payout that waits for
    /// settlement is kept completely.
    [[nodiscard]] Status drop_epochs_below(std::uint64_t epoch);

    /// The chain that the ledger belongs to; nothing while it is not known.
    [[nodiscard]] Result<std::optional<ChainIdentity>> chain();
    /// Stores the chain. If `chain` has no node id, the stored node id is kept.
    [[nodiscard]] Status set_chain(const ChainIdentity& chain);
    /// True when no answer, epoch or payout was ever written. Skipped blocks and agents' wallets do not count.
    [[nodiscard]] Result<bool> is_unused();
    /// Makes an unused ledger forget its chain and its position on it, so that it can begin on another chain.
    [[nodiscard]] Status forget_chain();

    /// Writes something meaningless, to see whether writing works.
    [[nodiscard]] Status probe();

  private:
    struct Statements;
    [[nodiscard]] Status add_payout(const PayoutRow& payout);
    LedgerTx(sqlite::Database& database, std::unique_ptr<Statements> statements);

    sqlite::Database& database_;
    std::unique_ptr<Statements> statements_;
};

}  // namespace ioswarm
