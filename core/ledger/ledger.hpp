// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/ledger/counters.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/ledger/ledger_tx.hpp"

namespace ioswarm {

/// Limits and time-outs of the ledger. Tests use smaller ones.
struct LedgerOptions {
    /// The largest number of operations that may wait for the ledger's thread. Further ones are refused with
    /// resource_exhausted.
    std::size_t max_waiting = 8192;
    /// The waiting time after a failed write. It doubles with each failure, from the first value up to the
    /// last.
    std::chrono::milliseconds first_retry{20};
    std::chrono::milliseconds last_retry{1000};
    /// A write that takes longer than this is reported by ready() as a failure, because a disk that hangs gives
    /// no error.
    std::chrono::milliseconds hangs_after{5000};
    /// The longest time from a commit until its pages are checkpointed, which means moved from the WAL into
    /// ledger.db.
    std::chrono::milliseconds checkpoint_interval{std::chrono::minutes(5)};
    /// A WAL larger than this (bytes) is cut to zero when its pages are moved. SQLite by itself also moves
    /// pages, without cutting, after a commit that leaves more than about 4 MB in the WAL.
    std::uint64_t max_wal_bytes = 8U << 20U;
    metrics::Registry metrics;  ///< see counters.hpp
};

/// One change to the ledger.
struct LedgerOp {
    /// Runs on the ledger's thread, in a transaction that it may share with others. It may run more than once,
    /// because the transaction is started again when another operation fails. So it must set its results again
    /// in each run. An error from it undoes only this operation.
    std::function<Status(LedgerTx&)> apply;
    /// Called exactly once, on the ledger's thread, in the order of the operations. Ok means that the commit is
    /// on the disk; an error says why nothing of the operation was kept. There is one exception: if the power
    /// fails after a failed sync, the complete operation may be present after the restart. Must not wait for
    /// the ledger.
    std::function<void(const Status&)> done;
    /// Runs it in its own transaction, which begins after all earlier operations were committed and reported.
    bool alone = false;
};

/// The ledger on disk: one SQLite file in WAL mode. One thread writes it and syncs every commit. Only that
/// thread checkpoints the WAL. Other processes may read the file at the same time, in short
/// transactions and without checkpoints (SQLite before 3.51.3 can damage a file that two connections
/// checkpoint).
/// Operations that wait during a commit share the next one (group commit), so they share the price of a sync.
/// Histories are read over a second connection, which is read-only and never checkpoints. The monitoring API is
/// open to everybody; with a shared connection its users could delay the answers of agents.
/// Thread-safe. The destructor finishes all waiting operations, then closes.
class Ledger {
  public:
    /// Opens or makes `dir`/ledger.db (mode 0600; `dir` is made with 0700). Errors: try_again when another
    /// process holds the directory (the text names its pid); permission_denied when others may write to the
    /// directory; data_loss when the file is damaged, is not a ledger, or lacks data that was written earlier
    /// (a copy without its WAL); failed_precondition for a file of a newer version; io.
    [[nodiscard]] static Result<std::unique_ptr<Ledger>> open(const std::filesystem::path& dir, Log log = {},
                                                              const LedgerOptions& options = {});
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// Queues an operation. Errors: resource_exhausted (the queue is full), unavailable (the ledger is
    /// closing). After an error neither `apply` nor `done` is ever called, so `done` always runs on the
    /// ledger's thread.
    [[nodiscard]] Status submit(LedgerOp op);
    /// Calls submit() and waits until the operation is done. If it succeeded, `committed` is called on the
    /// ledger's thread before this returns. Do not call it from an `apply`, a `done` or a `committed`.
    [[nodiscard]] Status run(std::function<Status(LedgerTx&)> apply, std::function<void()> committed = {},
                             bool alone = false);

    /// Ok while writing works and no write hangs. After a failed write it returns the error, until a write
    /// succeeds; the ledger itself keeps trying. A damaged file stays an error, and nothing more is written to
    /// it.
    [[nodiscard]] Status ready() const;

    /// The payouts of an agent, newest epoch first. Errors: io, data_loss.
    [[nodiscard]] Result<std::vector<PayoutRow>> payouts(std::string_view agent_id, std::uint32_t limit) const;
    /// The payouts of an agent whose notice is due, oldest first.
    [[nodiscard]] Result<std::vector<PayoutRow>> due_payouts(std::string_view agent_id,
                                                             std::uint32_t limit) const;
    [[nodiscard]] Result<std::vector<PayoutRow>> payouts_of_epoch(std::uint64_t epoch) const;
    [[nodiscard]] Result<std::optional<AgentRow>> agent(std::string_view agent_id) const;
    [[nodiscard]] Result<std::optional<EpochRow>> epoch(std::uint64_t epoch) const;
    [[nodiscard]] Result<std::vector<WalletChangeRow>> wallet_changes(std::string_view agent_id) const;

  private:
    struct Impl;
    explicit Ledger(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
