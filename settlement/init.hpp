// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"
#include "settlement/ledger_payouts.hpp"
#include "settlement/rows.hpp"
#include "settlement/store.hpp"

namespace ioswarm::settlement {

/// The arguments of `settle init`.
struct InitRequest {
    Address contract;
    Address wallet;  ///< of the key that will sign
    std::optional<std::uint64_t> from_epoch;
    std::optional<std::uint64_t> pool_from_block;
    /// How many of the wallet's mined transactions are known to be no settlements, because this machine's
    /// journal says which command sent them.
    std::uint64_t known_sends = 0;
    /// True when settlement.db was lost: the chain is asked which payouts are already paid.
    bool rebuild = false;
    std::int64_t now_ms = 0;  ///< Unix time in milliseconds
};

/// The content that `settle init` would write. It is shown to the operator before the question.
struct InitProposal {
    SettlementIdentity identity;
    std::string pool_from_how;           ///< v2: where identity.pool_from_block comes from
    std::vector<SettledBefore> settled;  ///< --rebuild: settlements that the chain shows as paid
    std::vector<std::string> warnings;

    // The payouts that are then owed:
    std::size_t payouts = 0;  ///< payouts that can be paid
    U256 payouts_rau;
    std::size_t without_wallet = 0;
    U256 without_wallet_rau;
    std::size_t settled_payouts = 0;  ///< payouts that --rebuild found to be paid
    U256 settled_rau;
};

/// Reads everything that is needed to create settlement.db. `chain` has the configured chain id. Errors: those
/// of ChainClient and LedgerPayouts; config (the ledger belongs to another chain); failed_check (no reward
/// contract, or another wallet is its coordinator); try_again (a transaction of the wallet is not mined yet);
/// failed_precondition (it is unknown which payouts are already paid; `why` says what is missing).
[[nodiscard]] Result<InitProposal> propose_init(contracts::ChainClient& chain, LedgerPayouts& ledger,
                                                const InitRequest& request);

/// Finds the settlements of a v3 pool that paid payouts which the ledger still lists as waiting, oldest first.
/// `--rebuild` records them as paid. An id alone does not tell which payouts it paid, because one id can cover
/// several epochs and agents can share wallets. The amounts in the settlement's call data tell it when exactly
/// one set of payouts adds up to them for every wallet. If no set or several sets do, it refuses
/// (failed_precondition).
[[nodiscard]] Result<std::vector<SettledBefore>> find_settled(contracts::ChainClient& chain,
                                                              LedgerPayouts& ledger,
                                                              const SettlementIdentity& identity);

/// Whether settlements up to the pool's `last_epoch` may have paid waiting payouts. An epoch's id is at most 31
/// below the height at which the epoch ends.
[[nodiscard]] bool may_be_settled(const std::vector<OwedPayout>& waiting, std::uint64_t last_epoch);

}  // namespace ioswarm::settlement
