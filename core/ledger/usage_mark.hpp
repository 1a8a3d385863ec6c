// SPDX-License-Identifier: Apache-2.0
#pragma once

// The file "ledger.mark" beside ledger.db. It tells a copy of ledger.db that lacks its WAL from a whole one.
// SQLite keeps what was committed last in ledger.db-wal, and opens the main file without it as if nothing was
// missing: a copy that a file backup made of a running ledger may be hours old, or hold nothing at all. Not for
// use outside core/ledger.

#include <filesystem>

#include "core/base/result.hpp"

namespace ioswarm {

enum class LedgerUse {
    unused,  ///< no mark: the ledger has never held an answer, an epoch or a payout
    open,    ///< used, and not closed in order: ledger.db-wal belongs to it
    closed,  ///< used, and everything is in ledger.db
};

/// Errors: io, data_loss (the mark has other contents).
[[nodiscard]] Result<LedgerUse> read_ledger_use(const std::filesystem::path& dir);

/// Durable when it returns. From open to closed and back it needs no space on the disk. Error io.
[[nodiscard]] Status write_ledger_use(const std::filesystem::path& dir, LedgerUse use);

/// Looks at the files alone. Error data_loss, with what may be done: the mark says that the ledger was used,
/// and ledger.db is missing or lacks its WAL.
[[nodiscard]] Status check_ledger_files(const std::filesystem::path& dir, LedgerUse use);

/// The error for a ledger that holds nothing in a directory whose mark says that it was used.
[[nodiscard]] Error lost_ledger(const std::filesystem::path& dir);

}  // namespace ioswarm
