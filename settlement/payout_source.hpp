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
    std::uint64_t last_height = 0;  ///< of that epoch
    std::string agent_id;
    U256 amount_rau;
    /// The wallet in force when the epoch closed, else the agent's wallet of now; nothing: it cannot be paid
    /// yet.
    std::optional<Address> wallet;
    std::uint64_t first_height = 0;  ///< of that epoch
};

/// The ledger at one moment, read in one transaction.
struct LedgerFacts {
    std::optional<ChainIdentity> chain;
    std::uint64_t last_height = 0;  ///< of the newest block that it counted
    std::uint64_t next_epoch = 0;   ///< the running one
    /// Payouts that wait for their settlement, by (epoch, agent). Those that settlement.db covers are among
    /// them until serve has marked them.
    std::vector<OwedPayout> waiting;
};

/// Where owed payouts come from: ledger.db, read-only (LedgerPayouts); tests have their own. One thread.
class PayoutSource {
  public:
    virtual ~PayoutSource() = default;
    /// Payouts of epochs from `first_epoch` on. Errors: not_found (no ledger), permission_denied, io,
    /// data_loss, try_again (busy for too long).
    [[nodiscard]] virtual Result<LedgerFacts> read(std::uint64_t first_epoch) = 0;
    /// The amount that the ledger has for each (epoch, agent), in their order; nothing where it has no such
    /// row.
    [[nodiscard]] virtual Result<std::vector<std::optional<U256>>> amounts(
        std::span<const std::pair<std::uint64_t, std::string>> payouts) = 0;
    /// From this epoch on the ledger has every one. Older ones may have been dropped, except those in which a
    /// payout waits: an old epoch that is still owed says nothing of those behind it.
    [[nodiscard]] virtual Result<std::uint64_t> oldest_epoch() = 0;
};

}  // namespace ioswarm::settlement
