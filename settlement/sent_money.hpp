// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "core/base/result.hpp"
#include "core/crypto/address.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// The wallets to which a call sends money; the contract only credits the others. Nothing: the data are not a
/// call that pays.
using SentTo = std::optional<std::set<Address>>;

/// Finds out whether settlements have sent a wallet its money, or whether the contract keeps it to be claimed.
/// Version 3 sends exactly the share of the same call. Version 2 sends everything that it keeps for the wallet,
/// so a later push also sends what earlier settlements credited. Claims that others make are not in
/// settlement.db and not known here. Not thread-safe.
class SentMoney {
  public:
    /// The database must outlive it.
    explicit SentMoney(sqlite::Database& database) : database_(database) {}

    /// For a payout to `wallet` of an intent in state final_ok. `push_failed`: the wallet refused that
    /// intent's money.
    [[nodiscard]] Result<bool> is_kept(std::uint64_t intent, const Address& wallet, bool push_failed);

  private:
    [[nodiscard]] Result<const SentTo*> sent_to(std::uint64_t intent);
    [[nodiscard]] Result<bool> is_sent_later(std::uint64_t intent, const Address& wallet);
    [[nodiscard]] Status read_pushes();

    sqlite::Database& database_;
    std::optional<PoolVersion> pool_;
    std::map<std::uint64_t, SentTo> sent_to_;  ///< of the intents that were looked at last
    /// The newest intent that sent money to each wallet, and the newest intent that was read for that. Used for
    /// version 2 only.
    std::map<Address, std::uint64_t> newest_push_;
    std::uint64_t pushes_read_ = 0;
};

}  // namespace ioswarm::settlement
