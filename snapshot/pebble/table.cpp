// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/table.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm::snapshot::pebble {
namespace {

constexpr std::size_t kFooterSize = 53;
constexpr std::size_t kHandlesEnd = 41;  // part of the footer: checksum type, two handles, zeros
constexpr std::uint8_t kChecksumCrc32c = 1;
/// Sizes of the pieces that are read ahead. A system call per block of some KiB would cost more than its
/// decompression.
constexpr std::size_t kReadAheadMin = std::size_t{16} * 1024;
constexpr std::size_t kReadAheadMax = std::size_t{128} * 1024;

constexpr std::uint64_t kMagicPebble = 0xf09faab3f09faab3;
constexpr std::uint64_t kMagicRocks = 0xf7cff485b741e288;
constexpr std::uint64_t kMagicLevel = 0x57fb808b247547db;

constexpr std::uint32_t kIndexSingle = 0;
constexpr std::uint32_t kIndexTwoLevel = 2;

/// The trailer of the largest key, when that is the exclusive end of a range deletion.
constexpr std::uint64_t kExclusiveSentinel = kMaxSequence << 8 | kind_range_delete;

}  // namespace

Error Table::corrupt(std::uint64_t offset, std::string why) const {
    return fault(Fault::table_corrupt, file_->path, offset, std::move(why));
}

std::uint64_t Table::trailer_of(std::uint64_t stored) const noexcept {
    const TableMeta& m = meta();
    if (m.smallest_sequence != m.largest_sequence || m.smallest_sequence == 0) return stored;
    return m.smallest_sequence << 8 | (stored & 0xff);
}

Result<Table> Table::open(const OpenTable& file) {
    Table table(file);
    IOSWARM_DO(table.read_footer());
    IOSWARM_DO(table.read_metaindex());
    return table;
}

Status Table::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
    IOSWARM_TRY(const auto got, ioswarm::read_at(file_->file.get(), out, offset, "cannot read", file_->path));
    if (got == out.size()) return {};
    return fail(corrupt(offset + got, "the file ends here, inside what is to be read"));
}

Status Table::fill(ReadAhead& ahead, std::uint64_t offset, std::size_t count, std::uint64_t end) const {
    const std::uint64_t ahead_end = ahead.offset + ahead.bytes.size();
    const bool follows = offset >= ahead.offset && offset <= ahead_end;
    ahead.step = follows ? std::clamp(2 * ahead.step, kReadAheadMin, kReadAheadMax) : 0;
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(std::max(count, ahead.step), end - offset));
    const auto kept = follows ? static_cast<std::size_t>(ahead_end - offset) : 0;
    if (kept != 0) std::memmove(ahead.bytes.data(), ahead.bytes.data() + ahead.bytes.size() - kept, kept);
    ahead.offset = offset;
    ahead.bytes.resize(size);
    return read_at(offset + kept, std::span(ahead.bytes).subspan(kept));
}

Result<Bytes> Table::read_block(const Handle& handle, ReadAhead& ahead, Bytes reuse) const {
    const std::uint64_t end = meta().size - kFooterSize;  // read_footer() has checked the size
    if (handle.offset > end || handle.length > end - handle.offset ||
        end - handle.offset - handle.length < kBlockTail) {
        return fail(corrupt(handle.offset,
                            fmt::format("a block of {} bytes does not fit into the table", handle.length)));
    }
    const auto length = static_cast<std::size_t>(handle.length);
    if (handle.offset < ahead.offset ||
        handle.offset + length + kBlockTail > ahead.offset + ahead.bytes.size()) {
        IOSWARM_DO(fill(ahead, handle.offset, length + kBlockTail, end));
    }
    const BytesView view = BytesView(ahead.bytes).subspan(handle.offset - ahead.offset, length + kBlockTail);
    if (masked_crc(view.first(length + 1)) != u32_at(view, length + 1)) {
        return fail(corrupt(handle.offset, "a block's checksum is wrong"));
    }
    std::string why;
    if (!decompress_block(view[length], view.first(length), reuse, why))
        return fail(corrupt(handle.offset, std::move(why)));
    return reuse;
}

Status Table::read_footer() {
    const std::uint64_t size = meta().size;
    if (size < kFooterSize) return fail(corrupt(0, "the table is shorter than its footer"));
    const std::uint64_t at = size - kFooterSize;
    std::array<std::uint8_t, kFooterSize> bytes{};
    IOSWARM_DO(read_at(at, bytes));
    const BytesView footer = bytes;
    std::uint64_t magic = 0;
    for (std::size_t i = kFooterSize - 8; i < kFooterSize; ++i)
        magic = magic << 8 | footer[i];
    const std::uint32_t version = u32_at(footer, kHandlesEnd);
    const auto unsupported = [&](std::string_view format) {
        return fail(
            fault(Fault::unsupported_table_format, file_->path, at, fmt::format("{} {}", format, version)));
    };
    if (magic == kMagicLevel) return unsupported("LevelDB");
    if (magic == kMagicRocks && version != 2) return unsupported("RocksDB, version");
    if (magic == kMagicPebble && version != 1 && version != 2) return unsupported("Pebble, version");
    if (magic != kMagicRocks && magic != kMagicPebble)
        return fail(corrupt(at, "the footer's magic number is wrong"));
    if (footer[0] != kChecksumCrc32c) {
        return fail(
            fault(Fault::unsupported_checksum, file_->path, at, fmt::format("checksum type {}", footer[0])));
    }
    FieldReader fields(footer.subspan(1, kHandlesEnd - 1));
    const auto metaindex = take_handle(fields);
    const auto index = metaindex ? take_handle(fields) : std::nullopt;
    if (!index) return fail(corrupt(at, "the footer's handles are damaged"));
    const BytesView zeros = *fields.bytes(fields.left());
    if (!std::all_of(zeros.begin(), zeros.end(), [](std::uint8_t b) { return b == 0; })) {
        return fail(corrupt(at, "the footer's handles are damaged"));
    }
    metaindex_ = *metaindex;
    index_ = *index;
    return {};
}

Status Table::read_metaindex() {
    IOSWARM_TRY(auto bytes, read_block(metaindex_));
    BlockReader block;
    std::map<std::string, Handle, std::less<>> blocks;
    bool sound = block.reset(std::move(bytes));
    while (sound && block.next()) {
        FieldReader fields(block.value());
        const auto handle = take_handle(fields);
        // Only handles of names that we know must be followed by nothing (for example, a value index has three
        // more bytes).
        if (!handle) return fail(corrupt(metaindex_.offset, "a damaged handle in the metaindex"));
        const auto name = std::string(as_text(block.key()));
        if (name.starts_with("rocksdb.") && !fields.empty())
            return fail(corrupt(metaindex_.offset, "bytes behind a handle in the metaindex"));
        if (!blocks.emplace(name, *handle).second)
            return fail(corrupt(metaindex_.offset, "a name is twice in the metaindex"));
    }
    if (!block.error().empty()) return fail(corrupt(metaindex_.offset, block.error()));
    const auto properties = blocks.find("rocksdb.properties");
    if (properties == blocks.end()) return fail(corrupt(metaindex_.offset, "the table has no properties"));
    auto deletions = blocks.find("rocksdb.range_del2");
    if (deletions == blocks.end()) deletions = blocks.find("rocksdb.range_del");
    if (deletions != blocks.end()) {
        IOSWARM_DO(read_range_deletions(deletions->second));
    }
    return read_properties(properties->second);
}

Status Table::read_properties(const Handle& handle) {
    IOSWARM_TRY(auto bytes, read_block(handle));
    BlockReader block;
    std::optional<std::uint32_t> index_type;
    std::optional<std::uint64_t> entries;
    std::optional<std::string> comparer;
    bool sound = block.reset(std::move(bytes));
    while (sound && block.next()) {
        const std::string_view name = as_text(block.key());
        if (name == "rocksdb.block.based.table.index.type" && block.value().size() == 4)
            index_type = u32_at(block.value(), 0);
        if (name == "rocksdb.num.entries") entries = FieldReader(block.value()).uvarint();
        if (name == "rocksdb.comparator") comparer = as_text(block.value());
    }
    if (!block.error().empty()) return fail(corrupt(handle.offset, block.error()));
    if (!entries || !comparer)
        return fail(corrupt(handle.offset, "the properties lack the comparer or the entries"));
    if (*comparer != kComparer) {
        return fail(fault(Fault::unsupported_comparer, file_->path, handle.offset,
                          "keys are ordered by " + comparer->substr(0, 100)));
    }
    if (!index_type) return fail(corrupt(handle.offset, "the properties lack the kind of index"));
    if (*index_type != kIndexSingle && *index_type != kIndexTwoLevel) {
        return fail(fault(Fault::unsupported_table_format, file_->path, handle.offset,
                          fmt::format("index type {}", *index_type)));
    }
    two_level_ = *index_type == kIndexTwoLevel;
    if (*entries < range_deletions_.size())
        return fail(corrupt(handle.offset, "more range deletions than entries"));
    point_entries_ = *entries - range_deletions_.size();
    return {};
}

Status Table::read_range_deletions(const Handle& handle) {
    IOSWARM_TRY(auto bytes, read_block(handle));
    const auto low = split_internal_key(meta().smallest);
    const auto high = split_internal_key(meta().largest);
    BlockReader block;
    bool sound = block.reset(std::move(bytes));
    while (sound && block.next()) {
        const auto key = split_internal_key(block.key());
        if (!key) return fail(corrupt(handle.offset, "a range deletion without its trailer"));
        if (key->kind() != kind_range_delete) {
            return fail(fault(Fault::unsupported_record, file_->path, handle.offset,
                              fmt::format("a range deletion of kind {}", key->kind())));
        }
        RangeDeletion deletion{to_bytes(key->user), to_bytes(block.value()), trailer_of(key->trailer) >> 8,
                               std::nullopt, true};
        if (low && compare(deletion.start, low->user) < 0) deletion.start = to_bytes(low->user);
        if (high) {
            deletion.last = to_bytes(high->user);
            deletion.last_included = high->trailer != kExclusiveSentinel;
        }
        range_deletions_.push_back(std::move(deletion));
    }
    if (!block.error().empty()) return fail(corrupt(handle.offset, block.error()));
    return {};
}

}  // namespace ioswarm::snapshot::pebble
