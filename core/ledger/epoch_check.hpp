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

/// A closed epoch that is not as it was when it closed.
struct EpochFault {
    std::uint64_t epoch = 0;
    std::string why;  ///< for people; names the epoch
};

/// Compares closed epochs with the hashes that were stored when they closed. Give it every payout of a range of
/// epochs, then call faults(). Epochs that an older version closed have no hash; of these it only notices that
/// they are missing. For one thread.
class EpochCheck {
  public:
    /// `notice` and `settled` are the columns of the payout; nothing stands for NULL. Call it in the order
    /// (epoch, agent).
    void add(std::uint64_t epoch, const HashedPayout& payout, std::int64_t notice,
             std::optional<std::int64_t> settled);

    /// Compares the epochs from `first_epoch` up to the running one with the payouts that were added. It reads
    /// in short transactions, or in the caller's. At most 20 faults are returned, in the order of epochs.
    /// Errors: io, data_loss.
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
    std::optional<std::uint64_t> open_;
    PayoutsHash open_hash_;
    std::string open_contradiction_;
};

}  // namespace ioswarm
