// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/model/chain_identity.hpp"

namespace ioswarm {

namespace sqlite {
class Database;
}

/// Closed epochs whose rows stay in the ledger: over five years at a block in 5 s and 360 blocks per epoch.
/// What is older lives on in the agents' totals. Epochs of which a payout still waits for its settlement stay
/// whatever their age.
inline constexpr std::uint64_t kKeptEpochs = 100'000;

/// The tables as an operation of the ledger sees them inside its transaction. Used on the ledger's thread only.
/// A call that fails fails the operation: pass its error on. Errors: io, data_loss, resource_exhausted
/// (memory), invalid_argument (a number above 2^63-1).
class LedgerTx {
  public:
    /// Prepares every statement once.
    [[nodiscard]] static Result<std::unique_ptr<LedgerTx>> prepare(sqlite::Database& database);
    ~LedgerTx();
    LedgerTx(const LedgerTx&) = delete;
    LedgerTx& operator=(const LedgerTx&) = delete;

    [[nodiscard]] Result<LedgerState> load();
    [[nodiscard]] Result<LedgerNumbers> numbers();
    [[nodiscard]] Status set_numbers(const LedgerNumbers& numbers);

    /// The first of `count` numbers that were never handed out before.
    [[nodiscard]] Result<std::uint64_t> reserve_ids(std::uint64_t count);

    /// Under an id that was never used.
    [[nodiscard]] Status add_answer(const AnswerRow& answer);
    [[nodiscard]] Status drop_answer(std::uint64_t id);

    [[nodiscard]] Status set_work(const WorkRow& work);
    [[nodiscard]] Status clear_work();

    [[nodiscard]] Status add_recent_block(const RecentBlockRow& block);
    [[nodiscard]] Status drop_recent_below(std::uint64_t height);

    [[nodiscard]] Result<std::optional<AgentRow>> agent(std::string_view agent_id);
    [[nodiscard]] Status set_agent(const AgentRow& agent);
    /// Every next wallet comes into force.
    [[nodiscard]] Status promote_wallets();
    /// Keeps the newest 100 of an agent.
    [[nodiscard]] Status add_wallet_change(const WalletChangeRow& change);

    [[nodiscard]] Status add_epoch(const EpochRow& epoch);
    [[nodiscard]] Status add_payout(const PayoutRow& payout);
    /// False: it was not due (any more).
    [[nodiscard]] Result<bool> mark_notice_sent(std::uint64_t epoch, std::string_view agent_id);
    /// The payout's settlement is final: its notice goes out with the agent's next heartbeat. False: it did not
    /// wait (any more).
    [[nodiscard]] Result<bool> mark_notice_due(std::uint64_t epoch, std::string_view agent_id);
    /// Removes epochs below the one given with all their payouts, except epochs of which a payout still waits
    /// for its settlement: those stay whole.
    [[nodiscard]] Status drop_epochs_below(std::uint64_t epoch);

    /// The chain that the ledger belongs to; nothing until it is known.
    [[nodiscard]] Result<std::optional<ChainIdentity>> chain();
    /// A node id that is not known leaves the one that is there.
    [[nodiscard]] Status set_chain(const ChainIdentity& chain);
    /// True: no answer, no epoch and no payout was ever written. Blocks that were passed over and agents'
    /// wallets do not count.
    [[nodiscard]] Result<bool> is_unused();
    /// Makes an unused ledger forget its chain and where it stands on it, so that it can begin on another one.
    [[nodiscard]] Status forget_chain();

    /// A write of no meaning, to see whether writing works.
    [[nodiscard]] Status probe();

  private:
    struct Statements;
    LedgerTx(sqlite::Database& database, std::unique_ptr<Statements> statements);

    sqlite::Database& database_;
    std::unique_ptr<Statements> statements_;
};

}  // namespace ioswarm
