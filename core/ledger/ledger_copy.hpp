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

/// Copies the ledger in `data_dir` to `to`/ledger.db. The copy shows the ledger at one moment; `ioswarm serve`
/// may be writing to it meanwhile. The copy has mode 0600 and is one file without a WAL. If the directory `to`
/// is missing, it is made with mode 0700; its parent must exist. The copy appears complete or not at all, and
/// never replaces a file. Returns the path of the copy. Errors: not_found (there is no ledger),
/// failed_precondition (`to` already has a ledger.db), data_loss (the ledger is damaged or lacks its WAL),
/// permission_denied, io.
[[nodiscard]] Result<std::filesystem::path> back_up_ledger(const std::filesystem::path& data_dir,
                                                           const std::filesystem::path& to);

/// The contents of a ledger and the problems that were found in it.
struct LedgerFacts {
    std::filesystem::path file;
    std::uint64_t bytes = 0;  ///< size of ledger.db, without its WAL
    std::optional<ChainIdentity> chain;
    std::uint64_t last_height = 0;  ///< 0: no block yet
    std::uint64_t running_epoch = 0;
    std::uint64_t closed_epochs = 0;    ///< number of closed epochs that are kept
    std::uint64_t payouts = 0;          ///< number of payouts in all kept epochs, one per agent and epoch
    std::uint64_t waiting_payouts = 0;  ///< payouts, of those above, that wait for settlement
    U256 waiting_rau = 0;               ///< sum of the waiting payouts
    std::uint64_t agents = 0;           ///< number of agents in the table of lifetime totals
    std::uint64_t open_answers = 0;     ///< number of rows in the table of answers that are still needed
    std::vector<std::string> problems;  ///< at most 20; empty when no problem was found
};

/// Examines the ledger at `path`: a data directory, a directory with a backup, or a ledger file. It only reads.
/// When it examines a backup, SQLite makes no -wal or -shm file beside it. `ioswarm serve` may be writing to
/// the ledger meanwhile. Damage that can be described is listed in `problems`. Errors: not_found, data_loss
/// (not a ledger, or unreadable), failed_precondition (a newer version), permission_denied, io.
[[nodiscard]] Result<LedgerFacts> examine_ledger(const std::filesystem::path& path);

}  // namespace ioswarm
