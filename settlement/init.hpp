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

/// What `settle init` was asked for.
struct InitRequest {
    Address contract;
    Address wallet;  ///< of the key that will sign
    std::optional<std::uint64_t> from_epoch;
    std::optional<std::uint64_t> pool_from_block;
    bool rebuild = false;     ///< a settlement.db was lost: find out what is paid already
    std::int64_t now_ms = 0;  ///< since 1970
};

/// What `settle init` would write, to be shown before it is asked for.
struct InitProposal {
    SettlementIdentity identity;
    std::string pool_from_how;           ///< v2: where identity.pool_from_block comes from
    std::vector<SettledBefore> settled;  ///< --rebuild: what the chain shows as paid
    std::vector<std::string> warnings;

    // What is owed then:
    std::size_t payouts = 0;  ///< that can be paid
    U256 payouts_rau;
    std::size_t without_wallet = 0;
    U256 without_wallet_rau;
    std::size_t settled_payouts = 0;  ///< of --rebuild
    U256 settled_rau;
};

/// Reads everything that settlement.db is made for. `chain` carries the configured chain id. Errors: those of
/// ChainClient and LedgerPayouts; config (the ledger belongs to another chain); failed_check (no reward
/// contract, or its coordinator is another wallet); try_again (a transaction of the wallet is not mined yet);
/// failed_precondition (what is paid already cannot be told: `why` says what is missing).
[[nodiscard]] Result<InitProposal> propose_init(contracts::ChainClient& chain, LedgerPayouts& ledger,
                                                const InitRequest& request);

/// The settlements of a v3 pool that paid payouts which the ledger still has as waiting, oldest first: what
/// `--rebuild` writes as paid. Epochs are merged into one id and wallets are shared, so an id alone does not
/// tell which payouts it paid. The amounts in the settlement's own call data do, when exactly one set of
/// payouts adds up to them for every wallet; where none or several do, it refuses (failed_precondition).
[[nodiscard]] Result<std::vector<SettledBefore>> find_settled(contracts::ChainClient& chain,
                                                              LedgerPayouts& ledger,
                                                              const SettlementIdentity& identity);

/// True when waiting payouts may have been paid by settlements up to the pool's `last_epoch`: an id covers no
/// epoch that ends more than 31 blocks behind it.
[[nodiscard]] bool may_be_settled(const std::vector<OwedPayout>& waiting, std::uint64_t last_epoch);

}  // namespace ioswarm::settlement
