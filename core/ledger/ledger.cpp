// SPDX-License-Identifier: Apache-2.0
// Opening and closing the ledger. Its thread is in ledger_writer.cpp, its histories in ledger_reader.cpp.
#include "core/ledger/ledger.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/try.hpp"
#include "core/ledger/ledger_reader.hpp"
#include "core/ledger/ledger_writer.hpp"
#include "core/ledger/schema.hpp"
#include "core/ledger/usage_mark.hpp"
#include "core/sqlite/lock_file.hpp"
#include "core/sqlite/private_file.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {
namespace {

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

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

struct Ledger::Impl {
    LockFile lock;  // declared first, so that it is released last
    std::unique_ptr<LedgerWriter> writer;
    std::unique_ptr<LedgerReader> reader;  // it has its own lock
};

Result<std::unique_ptr<Ledger>> Ledger::open(const std::filesystem::path& dir, Log log,
                                             const LedgerOptions& options) {
    IOSWARM_DO(prepare_private_directory(dir));
    IOSWARM_TRY(auto lock, LockFile::acquire(dir / "ledger.lock"));
    IOSWARM_TRY(const auto use, read_ledger_use(dir));
    IOSWARM_TRY(auto database, open_writer(dir, use));
    IOSWARM_TRY(auto writer, LedgerWriter::make(dir, std::move(log), options, std::move(database)));
    IOSWARM_TRY(const bool unused, writer->is_unused());
    if (unused && use != LedgerUse::unused) return fail(lost_ledger(dir));
    IOSWARM_TRY(auto reader, LedgerReader::open(dir / "ledger.db"));
    // From here on there is a WAL, and the file needs it until close() marks the ledger as closed.
    if (!unused) IOSWARM_DO(write_ledger_use(dir, LedgerUse::open));
    writer->start(!unused);
    auto impl = std::make_unique<Impl>(Impl{std::move(lock), std::move(writer), std::move(reader)});
    return std::unique_ptr<Ledger>(new Ledger(std::move(impl)));
}

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Ledger::~Ledger() {
    impl_->writer->stop();
    // Close the reader first, so that the writer's connection is the last one and checkpoints the WAL.
    impl_->reader.reset();
    impl_->writer->close();
}

Status Ledger::submit(LedgerOp op) {
    return impl_->writer->submit(std::move(op));
}

Status Ledger::run(std::function<Status(LedgerTx&)> apply, std::function<void()> committed, bool alone) {
    struct Waiter {
        std::mutex mutex;
        std::condition_variable wake;
        std::optional<Status> result;
    } waiter;
    IOSWARM_DO(submit({std::move(apply),
                       [&waiter, &committed](const Status& status) {
                           if (status && committed) committed();
                           const std::lock_guard locked(waiter.mutex);
                           waiter.result = status;
                           waiter.wake.notify_one();
                       },
                       alone}));
    std::unique_lock locked(waiter.mutex);
    waiter.wake.wait(locked, [&] { return waiter.result.has_value(); });
    return *waiter.result;
}

Status Ledger::ready() const {
    return impl_->writer->ready();
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

}  // namespace ioswarm
