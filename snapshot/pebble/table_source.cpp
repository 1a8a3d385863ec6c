// SPDX-License-Identifier: Apache-2.0

// Reads a table: the index, or the top index and its partitions, then the data blocks. Each is read only when
// it is needed.

#include <optional>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "snapshot/pebble/table.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot::pebble {
namespace {

/// Goes through the block handles in an index block in order, beginning with the first block that can hold
/// `from`.
class IndexWalk {
  public:
    IndexWalk(const Table& table, const Bytes& from, bool names_data)
        : table_(table), from_(from), names_data_(names_data) {}

    /// Reads the index block. The blocks that it names must come before it in the table.
    Status open(const Handle& handle) {
        at_ = handle;
        IOSWARM_TRY(auto bytes, table_.read_block(handle, block_.release()));
        if (!block_.reset(std::move(bytes))) return fail(table_.corrupt(handle.offset, block_.error()));
        return {};
    }

    /// Returns nothing at the end.
    Result<std::optional<Handle>> next() {
        while (block_.next()) {
            const auto separator = split_internal_key(block_.key());
            if (!separator) return fail(table_.corrupt(at_.offset, "an index key without its trailer"));
            FieldReader fields(block_.value());
            const auto handle = take_handle(fields);
            if (!handle) return fail(table_.corrupt(at_.offset, "a damaged handle in an index"));
            // Blocks are in the order of their keys, and before the index that names them. So no block comes
            // twice and there is no cycle.
            if (handle->offset >= at_.offset || (any_ && handle->offset < after_)) {
                return fail(table_.corrupt(
                    at_.offset, fmt::format("an index names a block at {:#x}, out of order", handle->offset)));
            }
            // Writers put data blocks one after another from the table's first byte on. A gap means that the
            // index has lost a block, and its rows with it.
            if (names_data_ && handle->offset != after_ && (any_ || !skipped_)) {
                return fail(
                    table_.corrupt(at_.offset, fmt::format("an index leaves out what lies at {:#x}", after_)));
            }
            any_ = true;
            after_ = handle->offset + handle->length + kBlockTail;
            if (compare(separator->user, from_) >= 0) return handle;
            skipped_ = true;
        }
        if (!block_.error().empty()) return fail(table_.corrupt(at_.offset, block_.error()));
        return std::optional<Handle>();
    }

    /// True when next() skipped blocks that are below `from`.
    [[nodiscard]] bool skipped() const noexcept { return skipped_; }
    /// Tells that the first block need not be at the table's beginning, because earlier indexes were not read.
    void begins_later() noexcept { skipped_ = true; }

  private:
    const Table& table_;
    const Bytes& from_;
    const bool names_data_;
    BlockReader block_;
    Handle at_;
    bool any_ = false;
    bool skipped_ = false;
    std::uint64_t after_ = 0;
};

class TableSource final : public Source {
  public:
    TableSource(const Table& table, KeyRange range)
        : table_(table),
          range_(std::move(range)),
          smallest_(*split_internal_key(table.meta().smallest)),
          largest_(*split_internal_key(table.meta().largest)),
          top_(table, range_.from, false),
          index_(table, range_.from, true) {}

    bool next() override {
        if (over_ || !status_) return false;
        if (!started_ && !start()) return false;
        for (;;) {
            while (!in_block_ || !block_.next()) {
                if (in_block_ && !block_.error().empty())
                    return stop(table_.corrupt(data_at_.offset, block_.error()));
                if (!next_block()) return false;
            }
            if (!check()) return false;
            if (range_.ends_before(key_.user)) {
                over_ = true;
                return false;
            }
            if (compare(key_.user, range_.from) >= 0) return true;
        }
    }
    const InternalKey& key() const override { return key_; }
    BytesView value() const override { return block_.value(); }
    const Status& status() const override { return status_; }

  private:
    bool stop(Error error) {
        status_ = fail(std::move(error));
        return false;
    }

    bool start() {
        started_ = true;
        IndexWalk& root = table_.two_level() ? top_ : index_;
        const Status opened = root.open(table_.index());
        if (!opened) return stop(opened.error());
        return !table_.two_level() || next_partition();
    }

    bool next_partition() {
        auto handle = top_.next();
        if (!handle) return stop(handle.error());
        if (!*handle) return finish();
        if (const Status opened = index_.open(**handle); !opened) return stop(opened.error());
        if (top_.skipped()) index_.begins_later();
        return true;
    }

    bool next_block() {
        in_block_ = false;
        for (;;) {
            auto handle = index_.next();
            if (!handle) return stop(handle.error());
            if (*handle) {
                data_at_ = **handle;
                break;
            }
            if (!table_.two_level()) return finish();
            if (!next_partition()) return false;
        }
        auto bytes = table_.read_block(data_at_, ahead_, block_.release());
        if (!bytes) return stop(bytes.error());
        if (!block_.reset(std::move(*bytes))) return stop(table_.corrupt(data_at_.offset, block_.error()));
        in_block_ = true;
        return true;
    }

    /// A table does not contain its own number. Another table of the same size can only be detected after
    /// everything was read.
    bool finish() {
        over_ = true;
        const bool all = compare(range_.from, smallest_.user) <= 0 && !range_.ends_before(largest_.user);
        if (all && seen_ != table_.point_entries()) {
            return stop(
                table_.corrupt(0, fmt::format("its properties say that it has {} entries, and it has {}",
                                              table_.point_entries(), seen_)));
        }
        return false;
    }

    /// Makes the checks that every real table passes.
    bool check() {
        ++seen_;
        const auto wrong = [&](std::string why) {
            return stop(
                table_.corrupt(data_at_.offset, fmt::format("entry at {:#x}: {}", block_.offset(), why)));
        };
        auto key = split_internal_key(block_.key());
        if (!key) return wrong("a key without its trailer");
        key->trailer = table_.trailer_of(key->trailer);
        switch (key->kind()) {
            case kind_delete:
            case kind_set:
            case kind_single_delete:
            case kind_set_with_delete:
                break;
            default:
                return stop(fault(Fault::unsupported_record, table_path(), data_at_.offset,
                                  fmt::format("an entry of kind {}", key->kind())));
        }
        if (key->user.size() > kMaxKeyBytes || block_.value().size() > kMaxValueBytes) {
            return stop(fault(
                Fault::limit, table_path(), data_at_.offset,
                fmt::format("a key of {} bytes with a value of {}", key->user.size(), block_.value().size())));
        }
        if (has_previous_ && compare(InternalKey{previous_, previous_trailer_}, *key) >= 0)
            return wrong("the keys do not rise");
        previous_.assign(key->user.begin(), key->user.end());
        previous_trailer_ = key->trailer;
        has_previous_ = true;
        if (compare(*key, smallest_) < 0 || compare(*key, largest_) > 0)
            return wrong("a key outside of the bounds in MANIFEST");
        if (key->sequence() < table_.meta().smallest_sequence ||
            key->sequence() > table_.meta().largest_sequence) {
            return wrong(fmt::format("sequence number {} outside of those in MANIFEST", key->sequence()));
        }
        key_ = {previous_, key->trailer};
        return true;
    }

    [[nodiscard]] std::string table_path() const { return table_.corrupt(0, "").which; }

    const Table& table_;
    const KeyRange range_;
    const InternalKey smallest_;
    const InternalKey largest_;
    IndexWalk top_;
    IndexWalk index_;
    BlockReader block_;
    Table::ReadAhead ahead_;  // for data blocks
    Handle data_at_;
    InternalKey key_;
    Bytes previous_;
    std::uint64_t previous_trailer_ = 0;
    bool has_previous_ = false;
    std::uint64_t seen_ = 0;
    bool started_ = false;
    bool in_block_ = false;
    bool over_ = false;
    Status status_;
};

class LevelSource final : public Source {
  public:
    LevelSource(std::vector<const Table*> tables, KeyRange range)
        : tables_(std::move(tables)), range_(std::move(range)) {}

    bool next() override {
        while (status_) {
            if (!current_) {
                if (index_ == tables_.size()) return false;
                current_ = tables_[index_]->source(range_);
            }
            if (current_->next()) return in_order();
            status_ = current_->status();
            current_.reset();
            ++index_;
        }
        return false;
    }
    const InternalKey& key() const override { return current_->key(); }
    BytesView value() const override { return current_->value(); }
    const Status& status() const override { return status_; }

  private:
    /// Checks that the tables of a level do not overlap. Each table checks its own order.
    bool in_order() {
        if (index_ != checked_) {
            checked_ = index_;
            const auto before =
                index_ == 0 ? std::nullopt : split_internal_key(tables_[index_ - 1]->meta().largest);
            if (before && compare(*before, current_->key()) >= 0) {
                status_ = fail(tables_[index_]->corrupt(0, "it overlaps another table of its level"));
                return false;
            }
        }
        return true;
    }

    const std::vector<const Table*> tables_;
    const KeyRange range_;
    std::size_t index_ = 0;
    std::size_t checked_ = 0;
    std::unique_ptr<Source> current_;
    Status status_;
};

}  // namespace

std::unique_ptr<Source> Table::source(const KeyRange& range) const {
    return std::make_unique<TableSource>(*this, range);
}

std::unique_ptr<Source> level_source(std::vector<const Table*> tables, const KeyRange& range) {
    return std::make_unique<LevelSource>(std::move(tables), range);
}

}  // namespace ioswarm::snapshot::pebble
