// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/model/chain_identity.hpp"

namespace ioswarm {

/// Copies the ledger of a data directory into `to`/ledger.db, as it is at one moment, while serve may be
/// writing to it. The copy has mode 0600 and is one file without a WAL. `to` is made with mode 0700 if it is
/// missing (not its parents). The copy appears whole or not at all, and never takes the place of a file.
/// Returns the copy's path. Errors: not_found (no ledger there), failed_precondition (`to` has a ledger.db
/// already), data_loss (a damaged ledger, or one that lacks its WAL), permission_denied, io.
[[nodiscard]] Result<std::filesystem::path> back_up_ledger(const std::filesystem::path& data_dir,
                                                           const std::filesystem::path& to);

/// What a ledger holds, and what is wrong with it.
struct LedgerFacts {
    std::filesystem::path file;
    std::uint64_t bytes = 0;  ///< of ledger.db, without its WAL
    std::optional<ChainIdentity> chain;
    std::uint64_t last_height = 0;  ///< 0 = no block yet
    std::uint64_t running_epoch = 0;
    std::uint64_t closed_epochs = 0;  ///< that are kept
    std::uint64_t payouts = 0;
    std::uint64_t waiting_payouts = 0;  ///< of these, payouts that wait for their settlement
    U256 waiting_rau = 0;
    std::uint64_t agents = 0;
    std::uint64_t open_answers = 0;
    std::vector<std::string> problems;  ///< empty: none was found; at most 20
};

/// Examines a data directory, a directory with a backup, or a file. Reads only; serve may be writing meanwhile,
/// and nothing is made beside a copy. Damage that can be told of is in `problems`. Errors: not_found, data_loss
/// (not a ledger, or not readable at all), failed_precondition (of a newer version), permission_denied, io.
[[nodiscard]] Result<LedgerFacts> examine_ledger(const std::filesystem::path& path);

}  // namespace ioswarm
