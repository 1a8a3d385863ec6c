// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/ledger/row_hash.hpp"

namespace ioswarm {

namespace sqlite {
class Database;
}

/// A closed epoch whose data changed after it closed, or is missing.
struct EpochFault {
    std::uint64_t epoch = 0;
    std::string why;  ///< for people; names the epoch
};

/// Compares closed epochs with the hashes that were stored when they closed. Give it every payout of a range of
/// epochs, then call faults(). Epochs that an older version closed have no hash; of these it only notices that
/// they are missing. Not thread-safe.
class EpochCheck {
  public:
    /// `notice` and `settled` are the columns of the payout; an empty `settled` means NULL. Call it in
    /// ascending order of (epoch, agent).
    void add(std::uint64_t epoch, const HashedPayout& payout, std::int64_t notice,
             std::optional<std::int64_t> settled);

    /// Compares the epochs from `first_epoch` up to the running one with the payouts that were added. If the
    /// caller has no transaction open, it reads in several short ones. At most 20 faults are returned, in the
    /// order of epochs. Errors: io, data_loss.
    [[nodiscard]] Result<std::vector<EpochFault>> faults(sqlite::Database& database, std::uint64_t first_epoch,
                                                         std::uint64_t running_epoch);

  private:
    struct Payouts {
        std::uint64_t epoch = 0;
        Hash256 hash;
        std::string contradiction;  ///< why the marks of a payout cannot both be right; empty when they can
    };
    struct Comparison;
    void finish_epoch();

    std::vector<Payouts> payouts_;  // ascending
    // The epoch whose payouts are being added.
    std::optional<std::uint64_t> current_;
    PayoutsHash current_hash_;
    std::string current_contradiction_;
};

}  // namespace ioswarm
