// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/ledger.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "core/base/try.hpp"
#include "core/ledger/ledger_reader.hpp"
#include "core/ledger/schema.hpp"
#include "core/ledger/usage_mark.hpp"
#include "core/sqlite/lock_file.hpp"
#include "core/sqlite/private_file.hpp"
#include "core/sqlite/sqlite.hpp"

// How operations are grouped: the writer takes all waiting operations, up to the next one that must run alone,
// and runs them in one transaction. There are no savepoints, because every operation would pay for the chance
// to undo it, and an operation fails only through a bug or a bad number. If one does fail, the transaction is
// undone, and the operations of the group are run again one by one. If the disk fails, every operation of the
// group gets the error. The writer then waits before the next try, while the queue fills.

namespace ioswarm {
namespace {

using Group = std::vector<LedgerOp>;

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// True when the disk or the file is the cause of the error, not the operation.
bool concerns_the_file(const Error& error) {
    return error.code == ErrorCode::io || error.code == ErrorCode::data_loss ||
           error.code == ErrorCode::try_again || error.code == ErrorCode::resource_exhausted;
}

std::uint64_t size_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error ? 0 : size;
}

}  // namespace

struct Ledger::Impl {
    Impl(std::filesystem::path dir_in, Log log_in, const LedgerOptions& options_in, LockFile lock_in,
         sqlite::Database database_in)
        : dir(std::move(dir_in)),
          log(std::move(log_in)),
          options(options_in),
          lock(std::move(lock_in)),
          database(std::move(database_in)) {}

    // Never change after open().
    const std::filesystem::path dir;
    Log log;
    LedgerOptions options;
    LockFile lock;  // declared before the database, so that it is released after it

    // Used only by the ledger's thread.
    sqlite::Database database;
    std::unique_ptr<LedgerTx> tx;
    std::chrono::milliseconds retry{0};  // 0: the last write succeeded
    bool is_marked = false;              // the directory's mark says that the ledger was used
    bool told_of_mark = false;           // the log already has the warning that the mark cannot be written
    /// The time of the next checkpoint. Nothing when there was no commit since the last one.
    std::optional<std::chrono::steady_clock::time_point> checkpoint_at;

    // It has its own lock.
    std::unique_ptr<LedgerReader> reader;

    std::mutex mutex;  // guards everything below
    std::condition_variable wake;
    std::deque<LedgerOp> waiting;
    bool closing = false;
    Status health;
    // Start of the write in progress; nothing if there is none.
    std::optional<std::chrono::steady_clock::time_point> writing_since;
    std::uint64_t operations = 0;
    std::uint64_t commits = 0;
    std::uint64_t refused = 0;
    std::uint64_t failed_commits = 0;
    std::uint64_t checkpoints = 0;
    std::uint64_t failed_checkpoints = 0;

    std::jthread writer;  // declared last: it uses everything above

    Status take(LedgerOp op);
    void write_loop();
    Group take_group(bool& stop);
    void write(Group group);
    Status apply_all(Group& group, bool& operation_failed);
    Status commit();
    void roll_back();
    void finish(Group& group, const Status& status);
    void note(const Status& status, std::uint64_t operations_done);
    void wait_before_retry();
    void probe();
    void mark_use();
    void checkpoint();
    void close();
};

Status Ledger::Impl::take(LedgerOp op) {
    {
        const std::lock_guard locked(mutex);
        if (closing) return fail(ErrorCode::unavailable, "cannot write to the ledger", {}, "it is closing");
        if (waiting.size() >= options.max_waiting) {
            ++refused;
            return fail(ErrorCode::resource_exhausted, "cannot write to the ledger", {},
                        "too many operations wait for the disk");
        }
        waiting.push_back(std::move(op));
    }
    wake.notify_one();
    return {};
}

void Ledger::Impl::write_loop() {
    for (;;) {
        bool stop = false;
        Group group = take_group(stop);
        if (!group.empty()) {
            write(std::move(group));
        } else if (stop) {
            return;
        } else if (retry.count() != 0) {
            probe();
        }
        if (retry.count() != 0) {
            wait_before_retry();
        } else if (checkpoint_at && *checkpoint_at <= std::chrono::steady_clock::now()) {
            checkpoint();
        }
    }
}

/// Waits for operations. Returns an empty group when the ledger closes and nothing waits (`stop` is then set),
/// when a checkpoint is due, or when it is time to test whether writing works again.
Group Ledger::Impl::take_group(bool& stop) {
    std::unique_lock locked(mutex);
    writing_since.reset();
    const auto is_called = [&] { return closing || !waiting.empty(); };
    if (retry.count() == 0 && checkpoint_at) {
        wake.wait_until(locked, *checkpoint_at, is_called);
    } else if (retry.count() == 0) {
        wake.wait(locked, is_called);
    }
    stop = closing;
    Group group;
    if (waiting.empty()) return group;
    auto end = std::find_if(waiting.begin(), waiting.end(), [](const LedgerOp& op) { return op.alone; });
    if (end == waiting.begin()) ++end;
    group.reserve(static_cast<std::size_t>(end - waiting.begin()));
    std::move(waiting.begin(), end, std::back_inserter(group));
    waiting.erase(waiting.begin(), end);
    writing_since = std::chrono::steady_clock::now();
    return group;
}

void Ledger::Impl::write(Group group) {
    bool operation_failed = false;
    Status status = apply_all(group, operation_failed);
    if (status) status = commit();
    if (!status) roll_back();
    if (operation_failed && group.size() > 1) {
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
    note(status, group.size());
    finish(group, status);
}

Status Ledger::Impl::apply_all(Group& group, bool& operation_failed) {
    if (retry.count() != 0) {
        const std::lock_guard locked(mutex);
        // Do not write to a damaged file again.
        if (!health && health.error().code == ErrorCode::data_loss) return health;
    }
    IOSWARM_DO(database.execute("BEGIN IMMEDIATE"));
    for (LedgerOp& op : group) {
        Status status;
        try {
            status = op.apply(*tx);
        } catch (const std::exception& error) {
            // Running out of memory in an operation must not end the daemon.
            status = fail(ErrorCode::internal, "cannot write to the ledger", {}, error.what());
        }
        if (!status) {
            operation_failed = !concerns_the_file(status.error());
            return status;
        }
    }
    return {};
}

Status Ledger::Impl::commit() {
    const Stopwatch stopwatch;
    Status status = database.execute("COMMIT");
    if (status) stopwatch.tell(options.on_commit);
    return status;
}

void Ledger::Impl::roll_back() {
    // After some errors SQLite has already rolled back.
    if (database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
}

void Ledger::Impl::finish(Group& group, const Status& status) {
    for (LedgerOp& op : group) {
        if (op.done) op.done(status);
    }
}

void Ledger::Impl::note(const Status& status, std::uint64_t operations_done) {
    bool changed = false;
    {
        const std::lock_guard locked(mutex);
        changed = health.has_value() != status.has_value();
        health = status;
        if (status) {
            ++commits;
            operations += operations_done;
        } else {
            ++failed_commits;
        }
    }
    if (status) {
        retry = std::chrono::milliseconds{0};
        if (!checkpoint_at) checkpoint_at = std::chrono::steady_clock::now() + options.checkpoint_interval;
        if (!is_marked) mark_use();
        if (changed) log.info("the ledger takes writes again");
    } else {
        retry = retry.count() == 0 ? options.first_retry : std::min(retry * 2, options.last_retry);
        if (changed) log.error("{}", status.error().text());
    }
}

void Ledger::Impl::wait_before_retry() {
    std::unique_lock locked(mutex);
    wake.wait_for(locked, retry, [&] { return closing; });
}

/// Tests whether writing works again when there is nothing to write. Otherwise nobody would find out.
void Ledger::Impl::probe() {
    Group group;
    group.push_back({[](LedgerTx& ledger) { return ledger.probe(); }, {}, false});
    write(std::move(group));
}

/// Marks the directory once, after the first commit that put something into this ledger. A checkpoint is then
/// due at once, so that ledger.db without its WAL is never taken for a new ledger.
void Ledger::Impl::mark_use() {
    const auto unused = tx->is_unused();
    if (!unused || *unused) return;
    const Status marked = write_ledger_use(dir, LedgerUse::open);
    is_marked = marked.has_value();
    if (is_marked) {
        checkpoint_at = std::chrono::steady_clock::now();
    } else if (!std::exchange(told_of_mark, true)) {
        log.error("{}; it is tried again after each commit", marked.error().text());
    }
}

void Ledger::Impl::checkpoint() {
    constexpr std::chrono::milliseconds kPatience{200};  // transactions of readers take less than half of this
    const bool truncate = size_of(dir / "ledger.db-wal") > options.max_wal_bytes;
    const auto moved = database.checkpoint(truncate, kPatience);
    checkpoint_at.reset();
    if (!moved || !*moved) checkpoint_at = std::chrono::steady_clock::now() + options.checkpoint_interval;
    bool is_first_failure = false;
    {
        const std::lock_guard locked(mutex);
        if (moved && *moved) ++checkpoints;
        if (!moved) is_first_failure = ++failed_checkpoints == 1;
    }
    // No data is lost: every commit is in the WAL.
    if (is_first_failure) log.warn("{}; it is tried again later", moved.error().text());
}

/// Called after the writer's thread has ended. The mark is written before the database is closed. If the
/// process is killed in between, a mark that says "closed" stands beside a WAL, which only weakens the check.
/// In the other order a complete ledger could be refused.
void Ledger::Impl::close() {
    // Close the reader first, so that the writer's connection is the last one and folds the WAL into the file.
    reader.reset();
    if (!is_marked) return;
    if (const Status closed = write_ledger_use(dir, LedgerUse::closed); !closed) {
        log.error("{}; ledger.db-wal is kept", closed.error().text());
        database.keep_wal();
    }
}

namespace {

/// Opens the writing connection and prepares its tables. Refuses to write to a ledger that is incomplete.
Result<sqlite::Database> open_writer(const std::filesystem::path& dir, LedgerUse use) {
    const std::filesystem::path file = dir / "ledger.db";
    IOSWARM_DO(check_ledger_files(dir, use));
    IOSWARM_DO(make_private_file(file, "ledger"));
    auto database = sqlite::Database::open(file, sqlite::Database::Mode::read_write, "ledger");
    if (!database) return fail(database.error());
    if (use != LedgerUse::unused) {
        IOSWARM_TRY(const auto empty, is_without_tables(*database));
        if (empty) return fail(lost_ledger(dir));
    }
    IOSWARM_DO(configure_writer(*database));
    IOSWARM_DO(prepare_schema(*database, now_ms()));
    return database;
}

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::open(const std::filesystem::path& dir, Log log,
                                             const LedgerOptions& options) {
    IOSWARM_DO(prepare_private_directory(dir));
    IOSWARM_TRY(auto lock, LockFile::acquire(dir / "ledger.lock"));
    IOSWARM_TRY(const auto use, read_ledger_use(dir));
    IOSWARM_TRY(auto database, open_writer(dir, use));

    auto impl = std::make_unique<Impl>(dir, std::move(log), options, std::move(lock), std::move(database));
    IOSWARM_TRY(auto tx, LedgerTx::prepare(impl->database));
    impl->tx = std::move(tx);
    const auto unused = impl->tx->is_unused();
    if (!unused) return fail(unused.error());
    if (*unused && use != LedgerUse::unused) return fail(lost_ledger(dir));
    IOSWARM_TRY(auto reader, LedgerReader::open(dir / "ledger.db"));
    impl->reader = std::move(reader);
    if (!*unused) {
        // From here on there is a WAL, and the file needs it until close() marks the ledger as closed.
        IOSWARM_DO(write_ledger_use(dir, LedgerUse::open));
        impl->is_marked = true;
    }
    impl->writer = std::jthread([raw = impl.get()] { raw->write_loop(); });
    return std::unique_ptr<Ledger>(new Ledger(std::move(impl)));
}

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Ledger::~Ledger() {
    {
        const std::lock_guard locked(impl_->mutex);
        impl_->closing = true;
    }
    impl_->wake.notify_all();
    impl_->writer.join();
    impl_->close();
}

Status Ledger::submit(LedgerOp op) {
    return impl_->take(std::move(op));
}

Status Ledger::run(std::function<Status(LedgerTx&)> apply, std::function<void()> committed, bool alone) {
    struct Waiter {
        std::mutex mutex;
        std::condition_variable wake;
        std::optional<Status> result;
    } waiter;
    const Status taken = submit({std::move(apply),
                                 [&waiter, &committed](const Status& status) {
                                     if (status && committed) committed();
                                     const std::lock_guard locked(waiter.mutex);
                                     waiter.result = status;
                                     waiter.wake.notify_one();
                                 },
                                 alone});
    if (!taken) return taken;
    std::unique_lock locked(waiter.mutex);
    waiter.wake.wait(locked, [&] { return waiter.result.has_value(); });
    return *waiter.result;
}

Status Ledger::ready() const {
    const std::lock_guard locked(impl_->mutex);
    if (!impl_->health || !impl_->writing_since) return impl_->health;
    const auto lasted = std::chrono::steady_clock::now() - *impl_->writing_since;
    if (lasted < impl_->options.hangs_after) return {};
    return fail(ErrorCode::timed_out, "cannot write to the ledger", {},
                fmt::format("a write has been under way for {} s",
                            std::chrono::duration_cast<std::chrono::seconds>(lasted).count()));
}

Result<std::vector<PayoutRow>> Ledger::payouts(std::string_view agent_id, std::uint32_t limit) const {
    return impl_->reader->payouts(agent_id, limit);
}

Result<std::vector<PayoutRow>> Ledger::due_payouts(std::string_view agent_id, std::uint32_t limit) const {
    return impl_->reader->due_payouts(agent_id, limit);
}

Result<std::vector<PayoutRow>> Ledger::payouts_of_epoch(std::uint64_t epoch) const {
    return impl_->reader->payouts_of_epoch(epoch);
}

Result<std::optional<AgentRow>> Ledger::agent(std::string_view agent_id) const {
    return impl_->reader->agent(agent_id);
}

Result<std::optional<EpochRow>> Ledger::epoch(std::uint64_t epoch) const {
    return impl_->reader->epoch(epoch);
}

Result<std::vector<WalletChangeRow>> Ledger::wallet_changes(std::string_view agent_id) const {
    return impl_->reader->wallet_changes(agent_id);
}

std::map<std::string, std::uint64_t> Ledger::counters() const {
    const std::lock_guard locked(impl_->mutex);
    return {
        {"ledger_operations", impl_->operations},   {"ledger_commits", impl_->commits},
        {"ledger_refused", impl_->refused},         {"ledger_failed_commits", impl_->failed_commits},
        {"ledger_checkpoints", impl_->checkpoints}, {"ledger_failed_checkpoints", impl_->failed_checkpoints}};
}

}  // namespace ioswarm
