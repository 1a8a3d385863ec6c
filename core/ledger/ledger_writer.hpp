// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/ledger/counters.hpp"
#include "core/ledger/ledger.hpp"
#include "core/ledger/ledger_tx.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// The ledger's thread. It groups the waiting operations and commits them, tries again after a failed write,
/// marks the directory as used, and checkpoints the WAL. Only for Ledger, whose functions of the same
/// names say what these do. Thread-safe, except for make(), is_unused(), start(), stop() and close().
class LedgerWriter {
  public:
    /// Prepares the statements. `database` has its tables already. Errors are those of Ledger::open().
    [[nodiscard]] static Result<std::unique_ptr<LedgerWriter>> make(const std::filesystem::path& dir, Log log,
                                                                    const LedgerOptions& options,
                                                                    sqlite::Database database);
    ~LedgerWriter() { stop(); }
    LedgerWriter(const LedgerWriter&) = delete;
    LedgerWriter& operator=(const LedgerWriter&) = delete;

    /// Call it before start().
    [[nodiscard]] Result<bool> is_unused() { return tx_->is_unused(); }
    /// Starts the thread. `is_marked`: the directory's mark says already that the ledger was used.
    void start(bool is_marked);
    /// Finishes all waiting operations and ends the thread.
    void stop();
    /// Marks the ledger as closed. Call it after stop(), when no other connection is open, so that closing this
    /// connection checkpoints the WAL.
    void close();

    [[nodiscard]] Status submit(LedgerOp op);
    [[nodiscard]] Status ready() const;

  private:
    using Group = std::vector<LedgerOp>;

    LedgerWriter(const std::filesystem::path& dir, Log log, const LedgerOptions& options,
                 sqlite::Database database);
    void write_loop();
    Group take_group(bool& stop);
    void write(Group group);
    Status apply_all(Group& group, bool& operation_failed);
    Status commit();
    void roll_back();
    static void finish(Group& group, const Status& status);
    void record_commit_result(const Status& status, std::uint64_t operations_done);
    void wait_before_retry();
    void probe();       // finds out whether the disk works again
    void mark_use();    // marks the directory as used
    void checkpoint();  // moves the WAL into ledger.db

    // Never change after make().
    const std::filesystem::path dir_;
    Log log_;
    LedgerOptions options_;
    const LedgerCounters counters_{options_.metrics};

    // Used only by the ledger's thread while it runs.
    sqlite::Database database_;
    std::unique_ptr<LedgerTx> tx_;
    std::chrono::milliseconds retry_delay_{0};  // 0: the last write succeeded
    bool is_marked_ = false;                    // the directory's mark says that the ledger was used
    bool told_of_mark_ = false;        // the log already has the warning that the mark cannot be written
    bool told_of_checkpoint_ = false;  // and the one that a checkpoint failed
    /// The time of the next checkpoint. Nothing when there was no commit since the last one.
    std::optional<std::chrono::steady_clock::time_point> checkpoint_at_;

    mutable std::mutex mutex_;  // guards everything below
    std::condition_variable wake_;
    std::deque<LedgerOp> waiting_;
    bool closing_ = false;
    Status health_;
    // Start of the write in progress; nothing if there is none.
    std::optional<std::chrono::steady_clock::time_point> writing_since_;

    std::jthread thread_;  // declared last: it uses everything above
};

}  // namespace ioswarm
