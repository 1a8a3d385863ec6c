// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/ledger_writer.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/base/observe.hpp"
#include "core/base/try.hpp"
#include "core/ledger/usage_mark.hpp"

// How operations are grouped: the writer takes all waiting operations, up to the next one that must run alone,
// and runs them in one transaction. Savepoints are not used: they cost time for every operation, and an
// operation fails only because of a bug or an invalid value. If one does fail, the transaction is undone, and
// the operations of the group are run again one by one. If the disk fails, every operation of the group gets
// the error. The writer then waits before the next try, while the queue fills.

namespace ioswarm {
namespace {

/// True when the disk or the file is the cause of the error, not the operation.
bool is_storage_error(const Error& error) {
    return error.code == ErrorCode::io || error.code == ErrorCode::data_loss ||
           error.code == ErrorCode::try_again || error.code == ErrorCode::resource_exhausted;
}

std::uint64_t size_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error ? 0 : size;
}

}  // namespace

Result<std::unique_ptr<LedgerWriter>> LedgerWriter::make(const std::filesystem::path& dir, Log log,
                                                         const LedgerOptions& options,
                                                         sqlite::Database database) {
    std::unique_ptr<LedgerWriter> out(new LedgerWriter(dir, std::move(log), options, std::move(database)));
    IOSWARM_TRY(out->tx_, LedgerTx::prepare(out->database_));
    return out;
}

LedgerWriter::LedgerWriter(const std::filesystem::path& dir, Log log, const LedgerOptions& options,
                           sqlite::Database database)
    : dir_(dir), log_(std::move(log)), options_(options), database_(std::move(database)) {}

void LedgerWriter::start(bool is_marked) {
    is_marked_ = is_marked;
    thread_ = std::jthread([this] { write_loop(); });
}

void LedgerWriter::stop() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard locked(mutex_);
        closing_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

Status LedgerWriter::submit(LedgerOp op) {
    {
        const std::lock_guard locked(mutex_);
        if (closing_) return fail(ErrorCode::unavailable, "cannot write to the ledger", {}, "it is closing");
        if (waiting_.size() >= options_.max_waiting) {
            counters_.refused.add();
            return fail(ErrorCode::resource_exhausted, "cannot write to the ledger", {},
                        "too many operations wait for the disk");
        }
        waiting_.push_back(std::move(op));
    }
    wake_.notify_one();
    return {};
}

void LedgerWriter::write_loop() {
    for (;;) {
        bool stop = false;
        Group group = take_group(stop);
        if (!group.empty()) {
            write(std::move(group));
        } else if (stop) {
            return;
        } else if (retry_delay_.count() != 0) {
            probe();
        }
        if (retry_delay_.count() != 0) {
            wait_before_retry();
        } else if (checkpoint_at_ && *checkpoint_at_ <= std::chrono::steady_clock::now()) {
            checkpoint();
        }
    }
}

/// Waits for operations. Returns an empty group when the ledger closes and nothing waits (`stop` is then set),
/// when a checkpoint is due, or when it is time to test whether writing works again.
LedgerWriter::Group LedgerWriter::take_group(bool& stop) {
    std::unique_lock locked(mutex_);
    writing_since_.reset();
    const auto is_called = [&] { return closing_ || !waiting_.empty(); };
    if (retry_delay_.count() == 0 && checkpoint_at_) {
        wake_.wait_until(locked, *checkpoint_at_, is_called);
    } else if (retry_delay_.count() == 0) {
        wake_.wait(locked, is_called);
    }
    stop = closing_;
    Group group;
    if (waiting_.empty()) return group;
    auto end = std::find_if(waiting_.begin(), waiting_.end(), [](const LedgerOp& op) { return op.alone; });
    if (end == waiting_.begin()) ++end;
    group.reserve(static_cast<std::size_t>(end - waiting_.begin()));
    std::move(waiting_.begin(), end, std::back_inserter(group));
    waiting_.erase(waiting_.begin(), end);
    writing_since_ = std::chrono::steady_clock::now();
    return group;
}

void LedgerWriter::write(Group group) {
    bool operation_failed = false;
    Status status = apply_all(group, operation_failed);
    if (status) status = commit();
    if (!status) roll_back();
    if (operation_failed && group.size() > 1) {
        // Run them again, each alone. A group of one does not come here, so this recursion has one level.
        for (LedgerOp& op : group) {
            Group one;
            one.push_back(std::move(op));
            write(std::move(one));
        }
        return;
    }
    if (operation_failed) {
        finish(group, status);
        return;
    }
    record_commit_result(status, group.size());
    finish(group, status);
}

Status LedgerWriter::apply_all(Group& group, bool& operation_failed) {
    if (retry_delay_.count() != 0) {
        const std::lock_guard locked(mutex_);
        // Do not write to a damaged file again.
        if (!health_ && health_.error().code == ErrorCode::data_loss) return health_;
    }
    IOSWARM_DO(database_.execute("BEGIN IMMEDIATE"));
    for (LedgerOp& op : group) {
        Status status;
        try {
            status = op.apply(*tx_);
        } catch (const std::exception& error) {
            // Running out of memory in an operation must not end the daemon.
            status = fail(ErrorCode::internal, "cannot write to the ledger", {}, error.what());
        }
        if (!status) {
            operation_failed = !is_storage_error(status.error());
            return status;
        }
    }
    return {};
}

Status LedgerWriter::commit() {
    const Stopwatch stopwatch;
    Status status = database_.execute("COMMIT");
    if (status) counters_.commit_time.observe(stopwatch.elapsed());
    return status;
}

void LedgerWriter::roll_back() {
    // After some errors SQLite has already rolled back.
    if (database_.in_transaction()) static_cast<void>(database_.execute("ROLLBACK"));
}

void LedgerWriter::finish(Group& group, const Status& status) {
    for (LedgerOp& op : group) {
        if (op.done) op.done(status);
    }
}

void LedgerWriter::record_commit_result(const Status& status, std::uint64_t operations_done) {
    bool changed = false;
    {
        const std::lock_guard locked(mutex_);
        changed = health_.has_value() != status.has_value();
        health_ = status;
        if (status) {
            counters_.commits.add();
            counters_.operations.add(operations_done);
        } else {
            counters_.failed_commits.add();
        }
    }
    if (status) {
        retry_delay_ = std::chrono::milliseconds{0};
        if (!checkpoint_at_) checkpoint_at_ = std::chrono::steady_clock::now() + options_.checkpoint_interval;
        if (!is_marked_) mark_use();
        if (changed) log_.info("the ledger can be written again");
    } else {
        retry_delay_ =
            retry_delay_.count() == 0 ? options_.first_retry : std::min(retry_delay_ * 2, options_.last_retry);
        if (changed) log_.error("{}", status.error().text());
    }
}

void LedgerWriter::wait_before_retry() {
    std::unique_lock locked(mutex_);
    wake_.wait_for(locked, retry_delay_, [&] { return closing_; });
}

/// Writes nothing of value, to find out whether the disk works again. Called while no operation waits.
void LedgerWriter::probe() {
    Group group;
    group.push_back({[](LedgerTx& ledger) { return ledger.probe(); }, {}, false});
    write(std::move(group));
}

/// Marks the directory once, after the first commit that put something into this ledger. A checkpoint is then
/// due at once, so that ledger.db without its WAL is never taken for a new ledger.
void LedgerWriter::mark_use() {
    const auto unused = tx_->is_unused();
    if (!unused || *unused) return;
    const Status marked = write_ledger_use(dir_, LedgerUse::open);
    is_marked_ = marked.has_value();
    if (is_marked_) {
        checkpoint_at_ = std::chrono::steady_clock::now();
    } else if (!std::exchange(told_of_mark_, true)) {
        log_.error("{}; it is tried again after each commit (reported once)", marked.error().text());
    }
}

void LedgerWriter::checkpoint() {
    constexpr std::chrono::milliseconds kPatience{200};  // transactions of readers take less than half of this
    const bool truncate = size_of(dir_ / "ledger.db-wal") > options_.max_wal_bytes;
    const auto completed = database_.checkpoint(truncate, kPatience);
    checkpoint_at_.reset();
    if (!completed || !*completed)
        checkpoint_at_ = std::chrono::steady_clock::now() + options_.checkpoint_interval;
    if (completed) {
        if (*completed) counters_.checkpoints.add();
        return;
    }
    counters_.failed_checkpoints.add();
    // No data is lost: every commit is in the WAL.
    if (!std::exchange(told_of_checkpoint_, true))
        log_.warn("{}; it is tried again after each interval (reported once)", completed.error().text());
}

/// The mark is written before the database is closed. If the process is killed between the two, the mark says
/// "closed" although a WAL exists. check_ledger_files() (usage_mark.hpp) then does not notice if that WAL is
/// lost. In the other order a complete ledger could be refused.
void LedgerWriter::close() {
    if (!is_marked_) return;
    if (const Status closed = write_ledger_use(dir_, LedgerUse::closed); !closed) {
        log_.error("{}; ledger.db-wal is kept", closed.error().text());
        database_.keep_wal();
    }
}

Status LedgerWriter::ready() const {
    const std::lock_guard locked(mutex_);
    if (!health_ || !writing_since_) return health_;
    const auto lasted = std::chrono::steady_clock::now() - *writing_since_;
    if (lasted < options_.hangs_after) return {};
    return fail(ErrorCode::timed_out, "cannot write to the ledger", {},
                fmt::format("a write has been under way for {} s",
                            std::chrono::duration_cast<std::chrono::seconds>(lasted).count()));
}

}  // namespace ioswarm
