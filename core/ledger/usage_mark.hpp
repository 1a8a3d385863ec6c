// SPDX-License-Identifier: Apache-2.0
#pragma once

// The file "ledger.mark" beside ledger.db. It shows whether a copy of ledger.db is complete or lacks its WAL.
// SQLite keeps the latest commits in ledger.db-wal, and opens ledger.db without it as if nothing was missing.
// So a file backup of a running ledger may be hours old, or even empty. Only for core/ledger.

#include <filesystem>

#include "core/base/result.hpp"

namespace ioswarm {

enum class LedgerUse {
    unused,  ///< no mark: the ledger never held an answer, an epoch or a payout
    open,    ///< used, and not closed properly: ledger.db-wal is needed
    closed,  ///< used and closed: everything is in ledger.db
};

/// Errors: io, data_loss (the mark has unknown contents).
[[nodiscard]] Result<LedgerUse> read_ledger_use(const std::filesystem::path& dir);

/// The mark is durable when this returns. A change between open and closed needs no disk space. Error: io.
[[nodiscard]] Status write_ledger_use(const std::filesystem::path& dir, LedgerUse use);

/// Looks only at which files exist. Error data_loss, with a hint: the mark says that the ledger was used, but
/// ledger.db is missing or lacks its WAL.
[[nodiscard]] Status check_ledger_files(const std::filesystem::path& dir, LedgerUse use);

/// The error for an empty ledger in a directory whose mark says that it was used.
[[nodiscard]] Error lost_ledger(const std::filesystem::path& dir);

}  // namespace ioswarm
