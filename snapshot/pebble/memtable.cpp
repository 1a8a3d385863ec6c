// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/memtable.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot::pebble {
namespace {

constexpr std::size_t kBatchHeader = 12;      // sequence number u64 · count u32
constexpr std::uint64_t kFirstSequence = 10;  // first sequence number of an empty database

class MemtableSource final : public Source {
  public:
    using Entries = std::vector<Memtable::Entry>;
    MemtableSource(const Entries& entries, const KeyRange& range)
        : next_(std::lower_bound(
              entries.begin(), entries.end(), range.from,
              [](const Memtable::Entry& entry, const Bytes& key) { return compare(entry.key.user, key) < 0; })),
          end_(entries.end()),
          range_(range) {}

    bool next() override {
        if (next_ == end_ || range_.ends_before(next_->key.user)) return false;
        at_ = next_++;
        return true;
    }
    const InternalKey& key() const override { return at_->key; }
    BytesView value() const override { return at_->value; }
    const Status& status() const override { return status_; }

  private:
    Entries::const_iterator next_;
    Entries::const_iterator end_;
    Entries::const_iterator at_;
    const KeyRange range_;
    Status status_;
};

}  // namespace

/// Reads the batches of the logs in order, and checks that no sequence number is missing.
class BatchReader {
  public:
    BatchReader(const Manifest& manifest, Memtable& into) : manifest_(manifest), memtable_(into) {
        for (const auto& [number, table] : manifest.tables) {
            if (table.smallest_sequence == table.largest_sequence) ingested_.insert(table.smallest_sequence);
        }
    }

    Status read(const std::string& path, const LogRecord& record) {
        path_ = &path;
        offset_ = record.offset;
        const BytesView payload = record.payload;
        if (payload.size() < kBatchHeader) return corrupt(fmt::format("a batch of {} bytes", payload.size()));
        const std::uint64_t first = u64_at(payload, 0);
        const std::uint32_t count = u32_at(payload, 8);
        IOSWARM_DO(check_follows(first));
        FieldReader fields(payload.subspan(kBatchHeader));
        std::uint64_t sequence = first;
        while (!fields.empty()) {
            IOSWARM_TRY(auto counted, read_op(fields, sequence));
            if (counted) ++sequence;
        }
        if (sequence - first != count) {
            return corrupt(
                fmt::format("a batch says that it has {} operations, and has {}", count, sequence - first));
        }
        expected_ = sequence;
        return {};
    }

  private:
    [[nodiscard]] Status corrupt(std::string why) const {
        return fail(fault(Fault::wal_corrupt, *path_, offset_, std::move(why)));
    }

    Status check_follows(std::uint64_t first) {
        if (first > kMaxSequence) return corrupt("a batch with an impossible sequence number");
        if (!expected_) {
            const std::uint64_t bound = std::max(manifest_.last_sequence + 1, kFirstSequence);
            if (first <= bound) return {};
            expected_ = bound;
        }
        if (first == *expected_) return {};
        // Ingested tables use sequence numbers that are in no log.
        bool all_ingested = first > *expected_ && first - *expected_ <= ingested_.size();
        for (std::uint64_t s = *expected_; all_ingested && s < first; ++s)
            all_ingested = ingested_.contains(s);
        if (all_ingested) return {};
        return corrupt(fmt::format("sequence numbers jump from {} to {}: a log, or a part of one, is missing",
                                   *expected_ - 1, first));
    }

    /// Reads one operation. Returns true when it uses a sequence number.
    Result<bool> read_op(FieldReader& fields, std::uint64_t sequence) {
        const auto kind = fields.byte();
        const auto key_size = fields.uvarint32();
        const auto key = key_size ? fields.bytes(*key_size) : std::nullopt;
        if (!key) return fail(corrupt("an operation is cut short").error());
        BytesView value;
        if (*kind == kind_set || *kind == kind_merge || *kind == kind_range_delete ||
            (*kind >= kind_range_key_delete && *kind <= kind_range_key_set) || *kind == kind_delete_sized) {
            const auto value_size = fields.uvarint32();
            const auto bytes = value_size ? fields.bytes(*value_size) : std::nullopt;
            if (!bytes) return fail(corrupt("an operation's value is cut short").error());
            value = *bytes;
        }
        return add(*kind, *key, value, sequence);
    }

    Result<bool> add(std::uint8_t kind, BytesView key, BytesView value, std::uint64_t sequence) {
        switch (kind) {
            case kind_log_data:
                return false;
            case kind_range_key_delete:
            case kind_range_key_unset:
            case kind_range_key_set:
                return true;
            case kind_range_delete:
                memtable_.range_deletions_.push_back(
                    {to_bytes(key), to_bytes(value), sequence, std::nullopt, true});
                return true;
            case kind_delete:
            case kind_single_delete:
            case kind_set:
                break;
            case kind_merge:
            case kind_ingest:
            case kind_delete_sized:
                return fail(fault(Fault::unsupported_record, *path_, offset_,
                                  fmt::format("an operation of kind {}", kind)));
            default:
                return fail(corrupt(fmt::format("an operation of unknown kind {}", kind)).error());
        }
        if (key.size() > kMaxKeyBytes || value.size() > kMaxValueBytes) {
            return fail(fault(Fault::limit, *path_, offset_,
                              fmt::format("a key of {} bytes with a value of {}", key.size(), value.size())));
        }
        memtable_.entries_.push_back({{key, sequence << 8 | kind}, value});
        return true;
    }

    const Manifest& manifest_;
    Memtable& memtable_;
    std::set<std::uint64_t> ingested_;
    std::optional<std::uint64_t> expected_;
    const std::string* path_ = nullptr;
    std::uint64_t offset_ = 0;
};

Result<Memtable> Memtable::read(Directory& directory) {
    Memtable memtable;
    BatchReader batches(directory.manifest, memtable);
    for (OpenLog& log : directory.logs) {
        IOSWARM_TRY(auto content, read_wal(log.path, log.bytes, static_cast<std::uint32_t>(log.number)));
        const bool last = &log == &directory.logs.back();
        if (content.more_behind || (content.end == LogEnd::broken && !last)) {
            return fail(fault(
                Fault::wal_corrupt, log.path, content.end_offset,
                content.end == LogEnd::stale
                    ? "a chunk of an older log in front of sound ones of this"
                    : content.why + (content.more_behind ? ", and sound parts of the log lie behind" : "")));
        }
        memtable.torn_tail_ = content.end == LogEnd::broken;
        for (LogRecord& record : content.records) {
            // Moving the record does not move its payload, so views into it stay valid.
            memtable.records_.push_back(std::move(record));
            IOSWARM_DO(batches.read(log.path, memtable.records_.back()));
        }
        log.bytes = Bytes();
    }
    std::sort(memtable.entries_.begin(), memtable.entries_.end(),
              [](const Entry& a, const Entry& b) { return compare(a.key, b.key) < 0; });
    return memtable;
}

std::unique_ptr<Source> Memtable::source(const KeyRange& range) const {
    return std::make_unique<MemtableSource>(entries_, range);
}

}  // namespace ioswarm::snapshot::pebble
