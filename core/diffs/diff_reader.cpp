// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_reader.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/diffs/diff_chain.hpp"
#include "core/diffs/diff_schema.hpp"
#include "core/diffs/store_checks.hpp"
#include "core/sqlite/open_for_reading.hpp"

namespace ioswarm {

Result<std::unique_ptr<DiffReader>> DiffReader::open(const std::filesystem::path& file) {
    auto database = sqlite::open_for_reading(file, kDiffLogName);
    if (!database) {
        Error error = std::move(database).error();
        if (error.code == ErrorCode::failed_precondition) {
            const std::string name = file.filename().string();
            error.hint = fmt::format(
                "copy {0} and {0}-wal to a directory that you can write, and give the path of that copy", name);
        }
        return fail(std::move(error));
    }
    IOSWARM_DO(prepare_diff_reader(*database));
    std::unique_ptr<DiffReader> out(new DiffReader(*std::move(database)));
    const std::array<std::pair<sqlite::Statement*, const char*>, 5> texts{{
        {&out->begin_, "BEGIN"},
        {&out->end_, "COMMIT"},
        {&out->log_, "SELECT floor, base_chain FROM log"},
        {&out->tip_, "SELECT height, chain FROM diffs ORDER BY height DESC LIMIT 1"},
        {&out->rows_,
         "SELECT height, digest, chain, size, codec, record FROM diffs WHERE height BETWEEN ?1 AND ?2 "
         "ORDER BY height"},
    }};
    for (const auto& [statement, sql] : texts) {
        IOSWARM_TRY(auto prepared, out->database_.prepare(sql));
        *statement = std::move(prepared);
    }
    return out;
}

template <typename Body>
auto DiffReader::in_transaction(Body&& body) -> decltype(body()) {
    IOSWARM_DO(begin_.run());
    auto result = body();
    for (sqlite::Statement* statement : {&log_, &tip_, &rows_})
        statement->reset();
    if (Status status = end_.run(); !status && database_.in_transaction()) {
        static_cast<void>(database_.execute("ROLLBACK"));
    }
    return result;
}

Result<DiffRange> DiffReader::range_inside() {
    DiffRange out;
    IOSWARM_TRY(const auto row, log_.step());
    if (row) out.floor = log_.u64(0);
    IOSWARM_TRY(const auto tip, tip_.step());
    if (tip) out.tip = tip_.u64(0);
    return out;
}

Result<DiffRange> DiffReader::range() {
    return in_transaction([&] { return range_inside(); });
}

Result<std::optional<ChainIdentity>> DiffReader::chain() {
    IOSWARM_TRY(const auto is_there,
                database_.query_integer("SELECT count(*) FROM sqlite_master WHERE name = 'chain'"));
    if (is_there.value_or(0) == 0) return std::optional<ChainIdentity>{};  // a log of version 1
    IOSWARM_TRY(auto query, database_.prepare("SELECT evm, node FROM chain"));
    IOSWARM_TRY(const auto row, query.step());
    if (!row) return std::optional<ChainIdentity>{};
    ChainIdentity out{query.u64(0), std::nullopt};
    if (!query.is_null(1)) out.node = query.u64(1);
    return std::optional<ChainIdentity>{out};
}

Result<Hash256> DiffReader::tip_chain() {
    return in_transaction([&]() -> Result<Hash256> {
        IOSWARM_TRY(const auto tip, tip_.step());
        if (!tip) return Hash256{};
        return tip_.fixed<Hash256>(1);
    });
}

Result<std::vector<DiffRow>> DiffReader::read(std::uint64_t from, std::uint64_t to, std::size_t max_rows,
                                              std::size_t max_bytes) {
    return in_transaction([&] { return read_inside(from, to, max_rows, max_bytes); });
}

Result<std::vector<DiffRow>> DiffReader::read_inside(std::uint64_t from, std::uint64_t to, std::size_t max_rows,
                                                     std::size_t max_bytes) {
    IOSWARM_TRY(const auto log, log_.step());
    const std::uint64_t floor = log ? log_.u64(0) : 0;
    // Rows that were pruned since the caller looked are not damage.
    if (floor == 0 || from < floor) {
        log_.reset();
        const auto held = range_inside();
        return fail(outside(held ? *held : DiffRange{}, from, database_.file()));
    }
    Hash256 previous;
    std::uint64_t next = from;
    if (from == floor) {
        IOSWARM_TRY(const auto base, log_.fixed<Hash256>(1));
        previous = base;
    } else {
        --next;  // start one row earlier, only for its chain value
    }
    std::vector<DiffRow> out;
    std::size_t bytes = 0;
    rows_.bind_u64(1, next).bind_u64(2, to);
    for (; next <= to && (out.empty() || out.size() < max_rows); ++next) {
        const auto found = rows_.step();
        Error error;
        if (!found) {
            error = damaged(next, found.error().why);
            if (found.error().code != ErrorCode::data_loss) error = found.error();
        } else if (!*found || rows_.u64(0) != next) {
            error = damaged(next, "it is missing");
        } else if (next < from) {
            const auto chain = rows_.fixed<Hash256>(2);
            if (!chain) return fail(damaged(next, "its chain value has another size"));
            previous = *chain;
            continue;
        } else {
            bytes += static_cast<std::size_t>(rows_.u64(3));
            if (!out.empty() && bytes > max_bytes) break;
            auto row = row_of(next, previous);
            if (row) {
                previous = row->chain;
                out.push_back(std::move(*row));
                continue;
            }
            error = row.error();
        }
        // Return the good rows first; the next call reports the error.
        if (out.empty()) return fail(std::move(error));
        break;
    }
    return out;
}

Result<DiffRow> DiffReader::row_of(std::uint64_t height, const Hash256& previous) {
    DiffRow row;
    row.height = height;
    const auto digest = rows_.fixed<Hash256>(1);
    const auto chain = rows_.fixed<Hash256>(2);
    if (!digest || !chain) return fail(damaged(height, "its digest or its chain value has another size"));
    row.digest = *digest;
    row.chain = *chain;
    auto record = unpacker_.unpack(rows_.integer(4), rows_.u64(3), rows_.blob(5));
    if (!record) return fail(damaged(height, record.error().why));
    row.record = std::move(*record);
    if (diff_chain(hash_, previous, height, row.digest, row.record) != row.chain) {
        return fail(damaged(height, "its content does not fit its chain value"));
    }
    return row;
}

Error DiffReader::damaged(std::uint64_t height, std::string why) const {
    return {ErrorCode::data_loss, "cannot read the diff log", database_.file(),
            fmt::format("the diff of height {} is damaged: {}", height, why),
            "ioswarm diffs verify lists all heights that cannot be read"};
}

}  // namespace ioswarm
