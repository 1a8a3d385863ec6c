// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/ledger/ledger_tx.hpp"

namespace ioswarm {

struct LedgerOptions {
    /// Operations that may wait for the ledger's thread; one more is refused with resource_exhausted.
    std::size_t max_waiting = 8192;
    /// After a failed write, how long until the next try: doubled from the first to the last.
    std::chrono::milliseconds first_retry{20};
    std::chrono::milliseconds last_retry{1000};
    /// A write that is under way for so long is told of by ready() as if it had failed: a disk that hangs gives
    /// no error.
    std::chrono::milliseconds hangs_after{5000};
    /// At the latest this long after a commit its pages are moved from the WAL into ledger.db.
    std::chrono::milliseconds checkpoint_interval{std::chrono::minutes(5)};
    /// A WAL above this many bytes is cut to nothing when its pages are moved. SQLite moves them by itself,
    /// without cutting, whenever a commit leaves more than about 4 MB in it.
    std::uint64_t max_wal_bytes = 8U << 20U;
};

/// One change of the ledger.
struct LedgerOp {
    /// Runs on the ledger's thread inside a transaction that it may share with others. It may run more than
    /// once before it counts (the transaction is begun again when another's operation fails), so whatever it
    /// hands out it must set anew at each run. An error from it undoes this operation and no other.
    std::function<Status(LedgerTx&)> apply;
    /// Called once, always on the ledger's thread, in the order of the operations: ok after the commit is on
    /// the disk, else why nothing of it is counted. (One case cannot be told: power fails after a failed sync.
    /// Then the operation may turn out to be there after the restart, whole.) Must not wait for the ledger.
    std::function<void(const Status&)> done;
    /// In a transaction of its own, begun when all earlier operations were committed and told so.
    bool alone = false;
};

/// The books on disk: one SQLite file that one thread writes, in WAL mode with every commit synced. That thread
/// is also the only one that moves the WAL into the file; other processes may read the file beside it, in short
/// transactions and without checkpoints (SQLite before 3.51.3 can damage a file that two connections
/// checkpoint). Operations that wait while a commit is under way share the next one (group commit), so the
/// price of a sync is split among them. Histories are read over a second connection, read-only and never
/// checkpointing: whoever asks for them (the monitoring API is open to all) then cannot hold up the answers of
/// agents, which a shared connection would let them. Thread-safe. The destructor finishes what waits, then
/// closes.
class Ledger {
  public:
    /// Opens or makes `dir`/ledger.db (mode 0600; `dir` is made with 0700). Errors: try_again when another
    /// process holds the directory (names its pid); permission_denied when others may write to it; data_loss
    /// for a damaged or foreign file, and for one that lacks what was written to it before (a copy without its
    /// WAL); failed_precondition for one of a newer version; io.
    [[nodiscard]] static Result<std::unique_ptr<Ledger>> open(const std::filesystem::path& dir, Log log = {},
                                                              const LedgerOptions& options = {});
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// Queues an operation. Errors: resource_exhausted (the queue is full) and unavailable (the ledger closes).
    /// After an error the ledger has dropped the operation: neither `apply` nor `done` is called, so `done`
    /// always runs on the ledger's thread.
    [[nodiscard]] Status submit(LedgerOp op);
    /// submit() and wait for its end. `committed` is called before that on the ledger's thread, only when it
    /// went well. Never from an operation, a `done` or a `committed`.
    [[nodiscard]] Status run(std::function<Status(LedgerTx&)> apply, std::function<void()> committed = {},
                             bool alone = false);

    /// Ok while writing works and no write hangs; after a failed write the error, until a write (the ledger
    /// tries by itself) works again. A damaged file stays an error: nothing more is written to it.
    [[nodiscard]] Status ready() const;

    /// Payouts of an agent, newest epoch first. Errors: io, data_loss.
    [[nodiscard]] Result<std::vector<PayoutRow>> payouts(std::string_view agent_id, std::uint32_t limit) const;
    /// Payouts whose notice is due, oldest first.
    [[nodiscard]] Result<std::vector<PayoutRow>> due_payouts(std::string_view agent_id,
                                                             std::uint32_t limit) const;
    [[nodiscard]] Result<std::vector<PayoutRow>> payouts_of_epoch(std::uint64_t epoch) const;
    [[nodiscard]] Result<std::optional<AgentRow>> agent(std::string_view agent_id) const;
    [[nodiscard]] Result<std::optional<EpochRow>> epoch(std::uint64_t epoch) const;
    [[nodiscard]] Result<std::vector<WalletChangeRow>> wallet_changes(std::string_view agent_id) const;

    /// ledger_operations, ledger_commits, ledger_refused (queue full), ledger_failed_commits,
    /// ledger_checkpoints, ledger_failed_checkpoints (tried again after the next interval).
    [[nodiscard]] std::map<std::string, std::uint64_t> counters() const;

  private:
    struct Impl;
    explicit Ledger(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
