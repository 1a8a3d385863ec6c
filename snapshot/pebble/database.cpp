// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/database.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/crypto/keccak.hpp"
#include "snapshot/pebble/directory.hpp"
#include "snapshot/pebble/memtable.hpp"
#include "snapshot/pebble/merge.hpp"
#include "snapshot/pebble/table.hpp"

namespace ioswarm::snapshot {
namespace {

using namespace pebble;

/// PebbleDB does not store the names of namespaces, only a hash of each. So namespaces() can list only names
/// that we know.
constexpr std::array<std::string_view, 12> kKnownNamespaces = {
    "Account",  "Code",    "Contract",    "System", "Rewarding", "Candidate",
    "CandsMap", "Staking", "StakingView", "Bucket", "Preimage",  "staking_contract_meta"};

/// The first 8 bytes of hash160b(namespace), which is bytes 12..31 of the name's keccak256.
Bytes prefix_of(std::string_view name) {
    const Hash256 hash = keccak256(as_bytes(name));
    return {hash.bytes.begin() + 12, hash.bytes.begin() + 12 + kPrefixBytes};
}

/// The smallest key above all keys that begin with `prefix`; empty when there is none.
Bytes after_prefix(Bytes prefix) {
    while (!prefix.empty() && prefix.back() == 0xff)
        prefix.pop_back();
    if (!prefix.empty()) ++prefix.back();
    return prefix;
}

/// The live records of a range, with the prefix removed from their keys.
class PebbleCursor final : public NamespaceCursor {
  public:
    PebbleCursor(std::unique_ptr<MergedRecords> records, std::size_t skip)
        : records_(std::move(records)), skip_(skip) {}

    bool next(EntryView& entry) override {
        if (!records_->next()) return false;
        entry = {records_->key().subspan(skip_), records_->value()};
        return true;
    }
    const Status& status() const override { return records_->status(); }

  private:
    std::unique_ptr<MergedRecords> records_;
    const std::size_t skip_;
};

/// Returns the record that was already read to see whether there is one, then the others.
class PeekedCursor final : public NamespaceCursor {
  public:
    PeekedCursor(std::unique_ptr<NamespaceCursor> rest, EntryView first)
        : rest_(std::move(rest)), first_(first) {}

    bool next(EntryView& entry) override {
        if (!given_) {
            given_ = true;
            entry = first_;
            return true;
        }
        return rest_->next(entry);
    }
    const Status& status() const override { return rest_->status(); }

  private:
    std::unique_ptr<NamespaceCursor> rest_;
    const EntryView first_;  // valid until rest_ moves
    bool given_ = false;
};

class PebbleDatabase final : public StateDatabase {
  public:
    /// `live`: reads while a node is running. The newest record of its last log may then be incomplete.
    PebbleDatabase(Directory directory, bool live) : directory_(std::move(directory)), live_(live) {}

    Status load() {
        IOSWARM_TRY(auto memtable, Memtable::read(directory_));
        memtable_ = std::move(memtable);
        find_warnings();
        tables_.reserve(directory_.tables.size());
        for (const OpenTable& file : directory_.tables) {
            if (!file.meta.has_points) continue;
            IOSWARM_TRY(auto table, Table::open(file));
            tables_.push_back(std::move(table));
        }
        return {};
    }

    std::string_view kind() const override { return "pebbledb"; }

    std::vector<std::string> warnings() const override { return warnings_; }

    std::uint64_t size_bytes() const override {
        std::uint64_t size = 0;
        for (const OpenTable& table : directory_.tables)
            size += table.meta.size;
        return size;
    }

    Status release_lock() override {
        directory_.lock.reset();
        return {};  // the tables never change, and the logs were read at the start
    }

    Result<std::unique_ptr<NamespaceCursor>> open_namespace(std::string_view name) override {
        const Bytes prefix = prefix_of(name);
        auto cursor = open_range({prefix, after_prefix(prefix)}, kPrefixBytes);
        EntryView first;
        if (cursor->next(first)) return std::make_unique<PeekedCursor>(std::move(cursor), first);
        if (!cursor->status()) return fail(cursor->status().error());
        return fail(ErrorCode::not_found, "no such namespace", std::string(name),
                    "the directory has nothing under its prefix " + to_hex(prefix));
    }

    Result<std::vector<std::string>> namespaces() override {
        std::vector<std::string> names;
        for (const std::string_view name : kKnownNamespaces) {
            auto cursor = open_namespace(name);
            if (cursor) {
                names.emplace_back(name);
            } else if (cursor.error().code != ErrorCode::not_found) {
                return fail(cursor.error());
            }
        }
        return names;
    }

    Result<Bytes> get(std::string_view name, BytesView key) override {
        Bytes from = prefix_of(name);
        from.insert(from.end(), key.begin(), key.end());
        Bytes to = from;
        to.push_back(0);
        auto cursor = open_range({std::move(from), std::move(to)}, kPrefixBytes);
        EntryView entry;
        if (cursor->next(entry)) return to_bytes(entry.value);
        if (!cursor->status()) return fail(cursor->status().error());
        return fail(ErrorCode::not_found, "no such key",
                    fmt::format("{}/{}", name, escape_for_display(as_text(key))));
    }

    std::unique_ptr<NamespaceCursor> open_range(const KeyRange& range, std::size_t skip) {
        std::vector<std::unique_ptr<Source>> sources;
        std::vector<RangeDeletion> deletions = memtable_.range_deletions();
        sources.push_back(memtable_.source(range));
        std::map<std::uint32_t, std::vector<const Table*>> levels;
        for (const Table& table : tables_) {
            deletions.insert(deletions.end(), table.range_deletions().begin(), table.range_deletions().end());
            const auto low = split_internal_key(table.meta().smallest);
            const auto high = split_internal_key(table.meta().largest);
            if (range.ends_before(low->user) || compare(high->user, range.from) < 0) continue;
            if (table.meta().level == 0) {
                sources.push_back(table.source(range));
            } else {
                levels[table.meta().level].push_back(&table);
            }
        }
        for (auto& [level, tables] : levels) {
            std::sort(tables.begin(), tables.end(), [](const Table* a, const Table* b) {
                return compare(*split_internal_key(a->meta().smallest),
                               *split_internal_key(b->meta().smallest)) < 0;
            });
            sources.push_back(level_source(std::move(tables), range));
        }
        return std::make_unique<PebbleCursor>(
            std::make_unique<MergedRecords>(std::move(sources), std::move(deletions)), skip);
    }

  private:
    /// Warns about damage that a crash may leave. It is accepted, but a bad copy can leave it too.
    void find_warnings() {
        const std::string torn =
            " ends in a torn record: the node crashed, or the copy was made while it wrote. What stands in "
            "front of "
            "that was read; the state may lack the newest blocks";
        if (directory_.manifest.torn_tail) warnings_.push_back(file_name(directory_.manifest_path) + torn);
        if (memtable_.torn_tail() && !live_) warnings_.push_back(file_name(directory_.logs.back().path) + torn);
        if (directory_.logs.empty() && directory_.manifest.log_number != 0) {
            warnings_.push_back(fmt::format(
                "{:06}.log, which MANIFEST names, is missing, and so is any newer log: the copy left the logs "
                "out, "
                "or the "
                "node crashed while it started. The state may be hundreds of blocks older than the node's",
                directory_.manifest.log_number));
        }
    }

    static std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

    Directory directory_;
    const bool live_;
    Memtable memtable_;
    std::vector<Table> tables_;
    std::vector<std::string> warnings_;
};

/// Refuses keys that are too short to have a prefix. They belong to no namespace, so no node wrote them.
class WholeCursor final : public NamespaceCursor {
  public:
    WholeCursor(std::unique_ptr<NamespaceCursor> inner, std::string path)
        : inner_(std::move(inner)), path_(std::move(path)) {}

    bool next(EntryView& entry) override {
        if (!status_ || !inner_->next(entry)) return false;
        if (entry.key.size() >= kPrefixBytes) return true;
        status_ =
            fail(fault(Fault::table_corrupt, path_, {}, "a stored key shorter than a namespace's prefix"));
        return false;
    }
    const Status& status() const override { return status_ ? inner_->status() : status_; }

  private:
    std::unique_ptr<NamespaceCursor> inner_;
    const std::string path_;
    Status status_;
};

}  // namespace

Result<std::unique_ptr<StateDatabase>> open_pebble(const std::string& path, const OpenOptions& options) {
    const LockWait wait(options.lock_timeout, options.stop);
    for (;;) {
        IOSWARM_TRY(auto directory,
                    options.live ? open_live_directory(path, wait) : open_directory(path, wait));
        auto database = std::make_unique<PebbleDatabase>(std::move(directory), options.live);
        const Status loaded = database->load();
        if (loaded) return database;
        // A node overwrites a reused log from its front. If we read meanwhile, we may see a later part of the
        // new content without an earlier one. So try again.
        const bool may_pass = options.live && is_fault(loaded.error(), Fault::wal_corrupt);
        if (!may_pass || wait.is_over()) return fail(loaded.error());
        IOSWARM_DO(wait.pause(path));
    }
}

Result<std::unique_ptr<NamespaceCursor>> open_pebble_whole(StateDatabase& database) {
    auto* pebble = dynamic_cast<PebbleDatabase*>(&database);
    if (pebble == nullptr) return fail(ErrorCode::invalid_argument, "not a PebbleDB directory");
    return std::make_unique<WholeCursor>(pebble->open_range({}, 0), "");
}

}  // namespace ioswarm::snapshot
