// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/memory_diff_store.hpp"

#include <utility>

#include "core/base/try.hpp"
#include "core/diffs/diff_chain.hpp"
#include "core/diffs/store_checks.hpp"

namespace ioswarm {
namespace {

const char* const kName = "in memory";

}  // namespace

DiffRange MemoryDiffStore::range_locked() const {
    return rows_.empty() ? DiffRange{} : DiffRange{rows_.front().height, rows_.back().height};
}

DiffRange MemoryDiffStore::range() const {
    const std::lock_guard lock(mutex_);
    return range_locked();
}

Hash256 MemoryDiffStore::tip_chain() const {
    const std::lock_guard lock(mutex_);
    return rows_.empty() ? Hash256{} : rows_.back().chain;
}

void MemoryDiffStore::drop_oldest() {
    bytes_ -= rows_.front().record.size();
    rows_.pop_front();
}

Status MemoryDiffStore::append(std::vector<DiffRow> rows) {
    const std::lock_guard lock(mutex_);
    IOSWARM_DO(check_appendable(range_locked(), rows, kName));
    for (DiffRow& row : rows) {
        const Hash256 previous = rows_.empty() ? Hash256{} : rows_.back().chain;
        row.chain = diff_chain(previous, row.height, row.digest, row.record);
        bytes_ += row.record.size();
        rows_.push_back(std::move(row));
    }
    while (rows_.size() > 1 && (rows_.size() > options_.max_rows || bytes_ > options_.max_bytes))
        drop_oldest();
    return {};
}

Result<std::vector<DiffRow>> MemoryDiffStore::read(std::uint64_t from, std::size_t max_rows,
                                                   std::size_t max_bytes) const {
    const std::lock_guard lock(mutex_);
    const DiffRange held = range_locked();
    if (!held.holds(from)) return fail(outside(held, from, kName));
    std::vector<DiffRow> out;
    std::size_t bytes = 0;
    for (std::uint64_t height = from; height <= held.tip; ++height) {
        const DiffRow& row = rows_[static_cast<std::size_t>(height - held.floor)];
        bytes += row.record.size();
        if (!out.empty() && (out.size() >= max_rows || bytes > max_bytes)) break;
        out.push_back(row);
    }
    return out;
}

Result<std::size_t> MemoryDiffStore::prune(std::uint64_t floor, std::size_t max_rows) {
    const std::lock_guard lock(mutex_);
    std::size_t dropped = 0;
    while (rows_.size() > 1 && rows_.front().height < floor && dropped < max_rows) {
        drop_oldest();
        ++dropped;
    }
    return dropped;
}

Status MemoryDiffStore::clear() {
    const std::lock_guard lock(mutex_);
    rows_.clear();
    bytes_ = 0;
    return {};
}

}  // namespace ioswarm
