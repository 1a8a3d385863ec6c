// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/sqlite_diff_store.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/diffs/diff_chain.hpp"
#include "core/diffs/diff_reader.hpp"
#include "core/diffs/diff_schema.hpp"
#include "core/diffs/record_codec.hpp"
#include "core/diffs/store_checks.hpp"
#include "core/sqlite/lock_file.hpp"
#include "core/sqlite/private_file.hpp"
#include "core/sqlite/sqlite.hpp"

// Rows are appended at the end and removed at the front. So in the long run new rows reuse the pages of old
// ones. Only pages that are free beyond that are given back to the disk, for example after diffRetainHeight was
// lowered or after a clear.

namespace ioswarm {
namespace {

/// The number of connections that may read at once. Other callers wait.
constexpr std::size_t kMaxReaders = 4;
/// Pages that stay free for new rows, and pages that are given back per transaction.
constexpr std::int64_t kSparePages = 1024;
constexpr std::int64_t kVacuumPages = 1024;

}  // namespace

/// A small number of reading connections. Each is opened when it is first needed.
class SqliteDiffStore::Readers {
  public:
    explicit Readers(std::filesystem::path file) : file_(std::move(file)) {}

    template <typename Body>
    auto with(Body&& body) -> decltype(body(std::declval<DiffReader&>())) {
        IOSWARM_TRY(auto reader, take());
        auto result = body(*reader);
        give_back(std::move(reader));
        return result;
    }

    /// The last values that a read-only store saw.
    std::mutex seen_mutex;
    DiffRange seen;
    Hash256 seen_chain;

  private:
    Result<std::unique_ptr<DiffReader>> take() {
        {
            std::unique_lock lock(mutex_);
            free_.wait(lock, [&] { return !idle_.empty() || open_ < kMaxReaders; });
            if (!idle_.empty()) {
                auto reader = std::move(idle_.back());
                idle_.pop_back();
                return reader;
            }
            ++open_;
        }
        auto reader = DiffReader::open(file_);
        if (!reader) {
            const std::lock_guard lock(mutex_);
            --open_;
            free_.notify_one();
        }
        return reader;
    }

    void give_back(std::unique_ptr<DiffReader> reader) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(reader));
        free_.notify_one();
    }

    const std::filesystem::path file_;
    std::mutex mutex_;  // guards everything below
    std::condition_variable free_;
    std::vector<std::unique_ptr<DiffReader>> idle_;
    std::size_t open_ = 0;
};

/// The writing connection, and the durable range that other threads may read.
class SqliteDiffStore::Writer {
  public:
    static Result<std::unique_ptr<Writer>> open(const std::filesystem::path& file);

    /// Reads from the file which rows it holds, and checks whether its newest row is sound.
    Status load(DiffReader& reader);

    DiffRange range() const {
        const std::lock_guard lock(mutex_);
        return range_;
    }
    Hash256 tip_chain() const {
        const std::lock_guard lock(mutex_);
        return tip_chain_;
    }
    Status append(const std::vector<DiffRow>& rows);
    Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows);
    Status restart_at(std::uint64_t height);
    Status set_chain(const ChainIdentity& chain);

  private:
    Writer(LockFile lock, sqlite::Database database) : lock_(std::move(lock)), database_(std::move(database)) {}
    template <typename Body>
    Status write(Body&& body);
    Status insert(const std::vector<DiffRow>& rows, Hash256& chain);
    Result<std::uint64_t> remove_below(std::uint64_t floor, std::uint64_t tip);
    Status vacuum();
    void publish(DiffRange range, const Hash256& chain);

    // Used by one thread at a time.
    LockFile lock_;  // declared before the database, so that it is released after it
    sqlite::Database database_;
    sqlite::Statement begin_, commit_, insert_, chain_of_, delete_, set_log_;
    RecordPacker packer_;
    Sha256 hash_;
    // data_loss: the end of the log is damaged, and nothing more is written to it. Only load() and append() set
    // this: damage to old rows must not keep new ones out.
    Status health_;

    mutable std::mutex mutex_;  // guards everything below
    DiffRange range_;
    Hash256 tip_chain_;
};

Result<std::unique_ptr<SqliteDiffStore::Writer>> SqliteDiffStore::Writer::open(
    const std::filesystem::path& file) {
    // Check first, so that we put no files beside a file that is not ours.
    IOSWARM_DO(check_diff_file(file, true));
    IOSWARM_TRY(auto lock, LockFile::acquire(file.string() + ".lock"));
    IOSWARM_DO(make_private_file(file, kDiffLogName));
    IOSWARM_TRY(auto database, sqlite::Database::open(file, sqlite::Database::Mode::read_write, kDiffLogName));
    IOSWARM_DO(prepare_diff_writer(database));
    std::unique_ptr<Writer> out(new Writer(std::move(lock), std::move(database)));
    const std::array<std::pair<sqlite::Statement*, const char*>, 6> texts{{
        {&out->begin_, "BEGIN IMMEDIATE"},
        {&out->commit_, "COMMIT"},
        {&out->insert_, "INSERT INTO diffs VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
        {&out->chain_of_, "SELECT height, chain FROM diffs WHERE height >= ?1 AND height < ?2 ORDER BY height"},
        {&out->delete_, "DELETE FROM diffs WHERE height < ?1"},
        {&out->set_log_, "UPDATE log SET floor = ?1, base_chain = ?2"},
    }};
    for (const auto& [statement, sql] : texts) {
        IOSWARM_TRY(auto prepared, out->database_.prepare(sql));
        *statement = std::move(prepared);
    }
    return out;
}

Status SqliteDiffStore::Writer::load(DiffReader& reader) {
    IOSWARM_TRY(const auto range, reader.range());
    IOSWARM_TRY(const auto chain, reader.tip_chain());
    publish(range, chain);
    if (range.empty()) return {};
    const auto tip = reader.read(range.tip, range.tip, 1, std::numeric_limits<std::size_t>::max());
    if (!tip) health_ = fail(tip.error());
    return {};
}

void SqliteDiffStore::Writer::publish(DiffRange range, const Hash256& chain) {
    const std::lock_guard lock(mutex_);
    range_ = range;
    tip_chain_ = chain;
}

/// Runs `body` in a transaction: either all of it is durable, or nothing was changed.
template <typename Body>
Status SqliteDiffStore::Writer::write(Body&& body) {
    Status status = begin_.run();
    if (status) status = body();
    if (status) status = commit_.run();
    if (status) return {};
    Error error = status.error();
    if (database_.disk_full()) error.code = ErrorCode::resource_exhausted;
    if (error.code == ErrorCode::try_again)
        error.code = ErrorCode::io;  // there is no other writer, so trying again may help
    for (sqlite::Statement* statement : {&insert_, &chain_of_, &delete_, &set_log_})
        statement->reset();
    // After some errors SQLite has already rolled back.
    if (database_.in_transaction()) static_cast<void>(database_.execute("ROLLBACK"));
    return fail(std::move(error));
}

Status SqliteDiffStore::Writer::append(const std::vector<DiffRow>& rows) {
    if (!health_) return health_;
    DiffRange next = range();
    IOSWARM_DO(check_appendable(next, rows, database_.file()));
    if (rows.empty()) return {};
    Hash256 chain = tip_chain();
    const bool first = next.empty();
    Status status = write([&]() -> Status {
        if (first) {
            set_log_.bind_u64(1, rows.front().height).bind_blob(2, chain.view());
            IOSWARM_DO(set_log_.run());
        }
        return insert(rows, chain);
    });
    if (!status) {
        if (status.error().code == ErrorCode::data_loss) health_ = status;
        return status;
    }
    if (first) next.floor = rows.front().height;
    next.tip = rows.back().height;
    publish(next, chain);
    return {};
}

Status SqliteDiffStore::Writer::insert(const std::vector<DiffRow>& rows, Hash256& chain) {
    for (const DiffRow& row : rows) {
        chain = diff_chain(hash_, chain, row.height, row.digest, row.record);
        const RecordPacker::Packed packed = packer_.pack(row.record);
        insert_.bind_u64(1, row.height)
            .bind_blob(2, row.digest.view())
            .bind_blob(3, chain.view())
            .bind_u64(4, row.record.size())
            .bind(5, static_cast<std::int64_t>(packed.codec))
            .bind_blob(6, packed.bytes);
        IOSWARM_DO(insert_.run());
    }
    return {};
}

Result<std::size_t> SqliteDiffStore::Writer::prune(std::uint64_t floor, std::size_t max_rows) {
    if (!health_) return fail(health_.error());
    DiffRange held = range();
    if (held.empty()) return std::size_t{0};
    std::uint64_t to = std::min(floor, held.tip);
    if (to <= held.floor || max_rows == 0) return std::size_t{0};
    to = held.floor + std::min<std::uint64_t>(to - held.floor, max_rows);
    if (Status status = write([&]() -> Status {
            IOSWARM_TRY(const auto new_floor, remove_below(to, held.tip));
            to = new_floor;
            return vacuum();
        });
        !status) {
        return fail(status.error());
    }
    const auto removed = static_cast<std::size_t>(to - held.floor);
    held.floor = to;
    publish(held, tip_chain());
    return removed;
}

/// Makes `floor` the lowest height and returns it. A row can only be checked with the chain value of the row
/// before it. So if that value is missing or damaged, the log begins after the next row whose value is there.
/// The rows that are left out by this could not be read anyway.
Result<std::uint64_t> SqliteDiffStore::Writer::remove_below(std::uint64_t floor, std::uint64_t tip) {
    chain_of_.bind_u64(1, floor - 1).bind_u64(2, tip);
    std::optional<Hash256> base;
    while (!base) {
        IOSWARM_TRY(const auto found, chain_of_.step());
        if (!found) break;
        const auto chain = chain_of_.fixed<Hash256>(1);
        if (!chain) continue;
        base = *chain;
        floor = chain_of_.u64(0) + 1;
    }
    chain_of_.reset();
    if (!base) {
        return fail(ErrorCode::data_loss, "cannot prune the diff log", database_.file(),
                    fmt::format("every diff from height {} to the one before the newest is missing or damaged",
                                floor - 1));
    }
    IOSWARM_DO(delete_.bind_u64(1, floor).run());
    IOSWARM_DO(set_log_.bind_u64(1, floor).bind_blob(2, base->view()).run());
    return floor;
}

Status SqliteDiffStore::Writer::vacuum() {
    IOSWARM_TRY(const auto free, database_.query_integer("PRAGMA freelist_count"));
    const std::int64_t spare = free.value_or(0) - kSparePages;
    if (spare <= 0) return {};
    return database_.execute("PRAGMA incremental_vacuum(" + std::to_string(std::min(spare, kVacuumPages)) +
                             ")");
}

Status SqliteDiffStore::Writer::set_chain(const ChainIdentity& chain) {
    if (!health_) return health_;
    return write([&]() -> Status {
        IOSWARM_TRY(
            auto set,
            database_.prepare(
                "INSERT INTO chain VALUES(1, ?1, ?2) ON CONFLICT(one) DO UPDATE SET evm = ?1, node = ?2"));
        set.bind_u64(1, chain.evm);
        if (chain.node) {
            set.bind_u64(2, *chain.node);
        } else {
            set.bind_null(2);
        }
        return set.run();
    });
}

Status SqliteDiffStore::Writer::restart_at(std::uint64_t height) {
    health_ = {};
    Status status = write([&]() -> Status {
        IOSWARM_DO(database_.execute("DELETE FROM diffs"));
        IOSWARM_DO(set_log_.bind_u64(1, height).bind_blob(2, Hash256{}.view()).run());
        return database_.execute("PRAGMA incremental_vacuum");
    });
    if (status) publish({height, 0}, {});
    return status;
}

Result<std::unique_ptr<SqliteDiffStore>> SqliteDiffStore::open(const std::filesystem::path& file) {
    if (file.has_parent_path()) {
        IOSWARM_DO(prepare_private_directory(file.parent_path()));
    }
    IOSWARM_TRY(auto writer, Writer::open(file));
    auto readers = std::make_unique<Readers>(file);
    IOSWARM_DO(readers->with([&](DiffReader& reader) { return writer->load(reader); }));
    return std::unique_ptr<SqliteDiffStore>(new SqliteDiffStore(std::move(writer), std::move(readers)));
}

Result<std::unique_ptr<SqliteDiffStore>> SqliteDiffStore::open_read_only(const std::filesystem::path& file) {
    IOSWARM_DO(check_diff_file(file, false));
    auto readers = std::make_unique<Readers>(file);
    IOSWARM_TRY(const auto range, readers->with([](DiffReader& reader) { return reader.range(); }));
    readers->seen = range;
    return std::unique_ptr<SqliteDiffStore>(new SqliteDiffStore(nullptr, std::move(readers)));
}

SqliteDiffStore::SqliteDiffStore(std::unique_ptr<Writer> writer, std::unique_ptr<Readers> readers)
    : writer_(std::move(writer)), readers_(std::move(readers)) {}

SqliteDiffStore::~SqliteDiffStore() {
    // Close the readers first, so that the writer's connection is the last one and folds the WAL into the file.
    readers_.reset();
}

DiffRange SqliteDiffStore::range() const {
    if (writer_) return writer_->range();
    const auto range = readers_->with([](DiffReader& reader) { return reader.range(); });
    const std::lock_guard lock(readers_->seen_mutex);
    if (range) readers_->seen = *range;
    return readers_->seen;
}

Hash256 SqliteDiffStore::tip_chain() const {
    if (writer_) return writer_->tip_chain();
    const auto chain = readers_->with([](DiffReader& reader) { return reader.tip_chain(); });
    const std::lock_guard lock(readers_->seen_mutex);
    if (chain) readers_->seen_chain = *chain;
    return readers_->seen_chain;
}

namespace {

Error read_only() {
    return {ErrorCode::failed_precondition,
            "cannot write to the diff log",
            {},
            "it was opened for reading only",
            {}};
}

}  // namespace

Status SqliteDiffStore::append(std::vector<DiffRow> rows) {
    if (!writer_) return fail(read_only());
    return writer_->append(rows);
}

Result<std::vector<DiffRow>> SqliteDiffStore::read(std::uint64_t from, std::size_t max_rows,
                                                   std::size_t max_bytes) const {
    const DiffRange held = range();
    return readers_->with([&](DiffReader& reader) -> Result<std::vector<DiffRow>> {
        if (!held.holds(from)) return fail(outside(held, from, "diff log"));
        return reader.read(from, held.tip, max_rows, max_bytes);
    });
}

Result<std::size_t> SqliteDiffStore::prune(std::uint64_t floor, std::size_t max_rows) {
    if (!writer_) return fail(read_only());
    return writer_->prune(floor, max_rows);
}

Result<std::optional<ChainIdentity>> SqliteDiffStore::chain() const {
    return readers_->with([](DiffReader& reader) { return reader.chain(); });
}

Status SqliteDiffStore::set_chain(const ChainIdentity& chain) {
    if (!writer_) return fail(read_only());
    return writer_->set_chain(chain);
}

Status SqliteDiffStore::restart_at(std::uint64_t height) {
    if (!writer_) return fail(read_only());
    return writer_->restart_at(height);
}

}  // namespace ioswarm
