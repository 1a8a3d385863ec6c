// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/model/chain_identity.hpp"

namespace ioswarm::settlement {

/// A payout of a closed epoch that the ledger says must be settled.
struct OwedPayout {
    std::uint64_t epoch = 0;
    std::uint64_t last_height = 0;  ///< last height of that epoch
    std::string agent_id;
    U256 amount_rau;
    /// The wallet in force when the epoch closed, else the agent's current wallet. Nothing: it cannot be paid
    /// yet.
    std::optional<Address> wallet;
    std::uint64_t first_height = 0;  ///< first height of that epoch
    /// The wallet that the agent names now. Nothing: it names none, or its row is damaged.
    std::optional<Address> present_wallet = std::nullopt;
    /// Set by use_payable_wallets(): a wallet that can never be paid, and that `wallet` would otherwise be.
    std::optional<Address> unusable_wallet = std::nullopt;
};

/// Why no settlement of `contract` can pay this wallet, as the end of a sentence about the wallet. Empty: it
/// can.
[[nodiscard]] std::string why_unpayable(const Address& wallet, const Address& contract);

/// The wallet that a payout goes to when a settlement of `contract` pays it now: `at_close`, the wallet in
/// force when its epoch closed, or else `present`, the one that the agent names now. Nothing: neither can be
/// paid.
[[nodiscard]] std::optional<Address> wallet_to_pay(const std::optional<Address>& at_close,
                                                   const std::optional<Address>& present,
                                                   const Address& contract);

/// Agents may have named wallets that `contract` can never pay, for example before serve knew the contract.
/// Their payouts go to the wallet that the agent names now. If that cannot be paid either, they get no wallet,
/// so that they stay owed until the agent names another one.
void use_payable_wallets(std::span<OwedPayout> payouts, const Address& contract);

/// The ledger's state when read() began.
struct LedgerFacts {
    std::optional<ChainIdentity> chain;
    std::uint64_t last_height = 0;  ///< height of the newest block that the ledger counted
    std::uint64_t next_epoch = 0;   ///< the running epoch
    /// Payouts that wait for their settlement, by (epoch, agent). Includes payouts that settlement.db already
    /// covers, until serve has marked them as final.
    std::vector<OwedPayout> waiting;
    /// Why the ledger is not what it was when its epochs closed; names an epoch or an agent. Empty: every row
    /// that was read matches its stored hash. Nothing may be paid from an altered ledger.
    std::string altered;

    /// Whether the payouts of this ledger may be paid on the chain with this EVM chain id. They may be paid
    /// only on the chain that the ledger belongs to. A ledger of the embedded chain (node chain id 0) may be
    /// paid on any chain, because the embedded chain has no contracts that could pay.
    [[nodiscard]] bool may_be_paid_on(std::uint64_t chain_id) const {
        return !chain || chain->evm == chain_id || chain->node == 0U;
    }
};

inline constexpr const char* kWhenLedgerIsAltered =
    "stop serve, keep a copy of ledger.db, look with 'ioswarm ledger check', and restore a backup";

/// The error for a ledger with LedgerFacts::altered.
[[nodiscard]] inline Error altered_ledger(std::string altered) {
    return {ErrorCode::data_loss, "nothing can be paid from this ledger", "ledger.db", std::move(altered),
            kWhenLedgerIsAltered};
}
/// The same as one line, for a halt and for the audit.
[[nodiscard]] inline std::string altered_ledger_text(const std::string& altered) {
    return "ledger.db is damaged: " + altered + "; " + kWhenLedgerIsAltered;
}

/// The source of owed payouts: ledger.db, read-only (LedgerPayouts). Tests use other sources. For use by one
/// thread.
class PayoutSource {
  public:
    virtual ~PayoutSource() = default;
    /// Payouts of epochs from `first_epoch` on. Errors: not_found (no ledger), permission_denied, io,
    /// data_loss, try_again (busy for too long).
    [[nodiscard]] virtual Result<LedgerFacts> read(std::uint64_t first_epoch) = 0;
    /// The ledger's amount for each (epoch, agent), in the given order. Nothing where the ledger has no such
    /// row.
    [[nodiscard]] virtual Result<std::vector<std::optional<U256>>> amounts(
        std::span<const std::pair<std::uint64_t, std::string>> payouts) = 0;
    /// The ledger has every epoch from this one on. Older epochs may have been dropped, except those with a
    /// waiting payout. So an old epoch that is still there does not mean that the epochs after it are there
    /// too.
    [[nodiscard]] virtual Result<std::uint64_t> oldest_epoch() = 0;
};

}  // namespace ioswarm::settlement
