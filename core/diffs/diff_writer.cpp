// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_writer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/diffs/diff_chain.hpp"
#include "core/diffs/diff_schema.hpp"
#include "core/diffs/store_checks.hpp"
#include "core/sqlite/private_file.hpp"

// Rows are appended at the end and removed at the front. So in the long run new rows reuse the pages of old
// ones. Only pages that are free beyond that are given back to the disk, for example after diffRetainHeight was
// lowered or after a clear.

namespace ioswarm {
namespace {

/// Pages that stay free for new rows, and pages that are given back per transaction.
constexpr std::int64_t kSparePages = 1024;
constexpr std::int64_t kVacuumPages = 1024;

}  // namespace

Result<std::unique_ptr<DiffWriter>> DiffWriter::open(const std::filesystem::path& file) {
    // Check first, so that we put no files beside a file that is not ours.
    IOSWARM_DO(check_diff_file(file, true));
    IOSWARM_TRY(auto lock, LockFile::acquire(file.string() + ".lock"));
    IOSWARM_DO(make_private_file(file, kDiffLogName));
    IOSWARM_TRY(auto database, sqlite::Database::open(file, sqlite::Database::Mode::read_write, kDiffLogName));
    IOSWARM_DO(prepare_diff_writer(database));
    std::unique_ptr<DiffWriter> out(new DiffWriter(std::move(lock), std::move(database)));
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

Status DiffWriter::load(DiffReader& reader) {
    IOSWARM_TRY(const auto range, reader.range());
    IOSWARM_TRY(const auto chain, reader.tip_chain());
    publish(range, chain);
    if (range.empty()) return {};
    const auto tip = reader.read(range.tip, range.tip, 1, std::numeric_limits<std::size_t>::max());
    if (!tip) health_ = fail(tip.error());
    return {};
}

void DiffWriter::publish(DiffRange range, const Hash256& chain) {
    const std::lock_guard lock(mutex_);
    range_ = range;
    tip_chain_ = chain;
}

/// Runs `body` in a transaction: either all of it is durable, or nothing was changed.
template <typename Body>
Status DiffWriter::write(Body&& body) {
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

Status DiffWriter::append(const std::vector<DiffRow>& rows) {
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

Status DiffWriter::insert(const std::vector<DiffRow>& rows, Hash256& chain) {
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

Result<std::size_t> DiffWriter::prune(std::uint64_t floor, std::size_t max_rows) {
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
Result<std::uint64_t> DiffWriter::remove_below(std::uint64_t floor, std::uint64_t tip) {
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

Status DiffWriter::vacuum() {
    IOSWARM_TRY(const auto free, database_.query_integer("PRAGMA freelist_count"));
    const std::int64_t spare = free.value_or(0) - kSparePages;
    if (spare <= 0) return {};
    return database_.execute("PRAGMA incremental_vacuum(" + std::to_string(std::min(spare, kVacuumPages)) +
                             ")");
}

Status DiffWriter::set_chain(const ChainIdentity& chain) {
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

Status DiffWriter::restart_at(std::uint64_t height) {
    health_ = {};
    Status status = write([&]() -> Status {
        IOSWARM_DO(database_.execute("DELETE FROM diffs"));
        IOSWARM_DO(set_log_.bind_u64(1, height).bind_blob(2, Hash256{}.view()).run());
        return database_.execute("PRAGMA incremental_vacuum");
    });
    if (status) publish({height, 0}, {});
    return status;
}

}  // namespace ioswarm
