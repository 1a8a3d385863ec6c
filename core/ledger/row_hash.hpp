// SPDX-License-Identifier: Apache-2.0
#pragma once

// Hashes that ledger.db keeps beside the rows from which money is paid. SQLite does not notice when a bit of a
// row flips on the disk; a row that does not match its stored hash is not paid from. Stored files contain these
// hashes, so what they cover must never change. They protect against damage, not against a person who edits the
// file.

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/field_hash.hpp"
#include "core/ledger/ledger_rows.hpp"

namespace ioswarm {

/// What an epoch's hash covers of one payout. None of it changes after the epoch has closed.
struct HashedPayout {
    std::string_view agent_id;
    U256 amount_rau;
    std::optional<Address> wallet;  ///< the wallet in the payout itself, not one that was named later
    bool is_to_settle = false;      ///< it waited for a settlement when the epoch closed
};

/// Hashes the payouts of one epoch, in ascending order of the agents' ids.
class PayoutsHash {
  public:
    void add(const HashedPayout& payout);
    [[nodiscard]] Hash256 finish() { return hash_.finish(); }

  private:
    FieldHash hash_;
};

/// What an epoch's hash covers of the epoch's own row.
struct HashedEpoch {
    std::uint64_t epoch = 0;
    std::uint64_t first_height = 0;
    std::uint64_t last_height = 0;
    U256 pool_rau;
};
[[nodiscard]] Hash256 epoch_hash(const HashedEpoch& epoch, const Hash256& payouts);

/// Binds an agent to its wallet. A payout without a wallet is paid to the wallet that the agent names later.
[[nodiscard]] Hash256 wallet_hash(std::string_view agent_id, const Address& wallet);
/// Empty when there is no wallet.
[[nodiscard]] std::optional<Hash256> wallet_hash(std::string_view agent_id,
                                                 const std::optional<Address>& wallet);

/// Covers all columns of the table `numbers`.
[[nodiscard]] Hash256 numbers_hash(const LedgerNumbers& numbers);

}  // namespace ioswarm
