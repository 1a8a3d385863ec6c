// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "snapshot/pebble/block.hpp"
#include "snapshot/pebble/directory.hpp"
#include "snapshot/pebble/source.hpp"

namespace ioswarm::snapshot::pebble {

/// A sorted table: RocksDB v2, Pebble v1 or v2. In memory it has only a few numbers and its range deletions. A
/// source for it holds one block of each kind.
class Table {
  public:
    /// Reads footer, metaindex, properties and range deletions. `file` must outlive the table. Errors:
    /// table-corrupt, unsupported-table-format, unsupported-checksum, unsupported-record, io.
    [[nodiscard]] static Result<Table> open(const OpenTable& file);

    [[nodiscard]] const TableMeta& meta() const noexcept { return file_->meta; }
    [[nodiscard]] const std::vector<RangeDeletion>& range_deletions() const noexcept {
        return range_deletions_;
    }
    /// The versions in `range`. If that covers the whole table, the number of entries is also checked against
    /// the properties.
    [[nodiscard]] std::unique_ptr<Source> source(const KeyRange& range) const;

    [[nodiscard]] Error corrupt(std::uint64_t offset, std::string why) const;
    /// A piece of the file, for blocks that are read in order.
    struct ReadAhead {
        std::uint64_t offset = 0;
        Bytes bytes;
        /// Size of the next piece. It grows as long as blocks are read in order.
        std::size_t step = 0;
    };
    /// Reads and decompresses a block. Checks its place, checksum and size.
    [[nodiscard]] Result<Bytes> read_block(const Handle& handle, Bytes reuse = {}) const {
        ReadAhead none;
        return read_block(handle, none, std::move(reuse));
    }
    /// The same, using `ahead`. If the block is not in it, `ahead` is filled again.
    [[nodiscard]] Result<Bytes> read_block(const Handle& handle, ReadAhead& ahead, Bytes reuse) const;
    [[nodiscard]] const Handle& index() const noexcept { return index_; }
    [[nodiscard]] bool two_level() const noexcept { return two_level_; }
    [[nodiscard]] std::uint64_t point_entries() const noexcept { return point_entries_; }
    /// The real trailer for a stored one. All entries of an ingested table have the sequence number from the
    /// MANIFEST.
    [[nodiscard]] std::uint64_t trailer_of(std::uint64_t stored) const noexcept;

  private:
    explicit Table(const OpenTable& file) : file_(&file) {}
    [[nodiscard]] Status fill(ReadAhead& ahead, std::uint64_t offset, std::size_t count,
                              std::uint64_t end) const;
    [[nodiscard]] Status read_footer();
    [[nodiscard]] Status read_metaindex();
    [[nodiscard]] Status read_properties(const Handle& handle);
    [[nodiscard]] Status read_range_deletions(const Handle& handle);
    [[nodiscard]] Status read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;

    const OpenTable* file_;
    Handle metaindex_;
    Handle index_;
    bool two_level_ = false;
    std::uint64_t point_entries_ = 0;
    std::vector<RangeDeletion> range_deletions_;
};

/// The tables of one level, one after another. `tables` must be in key order.
[[nodiscard]] std::unique_ptr<Source> level_source(std::vector<const Table*> tables, const KeyRange& range);

}  // namespace ioswarm::snapshot::pebble
