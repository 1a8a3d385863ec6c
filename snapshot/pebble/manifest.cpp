// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/manifest.hpp"

#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "snapshot/pebble/format.hpp"
#include "snapshot/pebble/log.hpp"

namespace ioswarm::snapshot::pebble {
namespace {

constexpr std::uint64_t kLevels = 7;

enum Tag : std::uint64_t {
    tag_comparer = 1,
    tag_log_number = 2,
    tag_next_file = 3,
    tag_last_sequence = 4,
    tag_compaction_pointer = 5,
    tag_deleted_file = 6,
    tag_new_file = 7,
    tag_previous_log = 9,
    tag_new_file_2 = 100,
    tag_new_file_3 = 102,
    tag_new_file_4 = 103,
    tag_new_file_5 = 104,
    tag_created_virtual_backing = 105,
    tag_removed_virtual_backing = 106,
};
constexpr std::uint64_t kFirstColumnFamilyTag = 200;
constexpr std::uint64_t kLastColumnFamilyTag = 203;

constexpr std::uint64_t kCustomEnd = 1;
constexpr std::uint64_t kCustomPathId = 65;
constexpr std::uint64_t kCustomVirtual = 66;
constexpr std::uint64_t kCustomMustUnderstand = 64;  // a bit: a reader that does not know the field must fail
constexpr std::uint8_t kHasPoints = 1;               // a bit in a table's marker

class EditReader {
  public:
    EditReader(const std::string& path, const LogRecord& record, bool first, Manifest& into)
        : path_(path), record_(record), fields_(record.payload), first_(first), manifest_(into) {}

    Status apply() {
        while (!fields_.empty()) {
            IOSWARM_DO(read_field());
        }
        if (first_ && !comparer_seen_) return corrupt("the first edit names no comparer");
        for (const auto& [level, number] : removed_) {
            const auto it = manifest_.tables.find(number);
            if (it == manifest_.tables.end() || it->second.level != level) {
                return corrupt(fmt::format("table {} leaves level {}, where it is not", number, level));
            }
            manifest_.tables.erase(it);
        }
        for (TableMeta& table : added_) {
            const std::uint64_t number = table.number;
            if (!manifest_.tables.emplace(number, std::move(table)).second) {
                return corrupt(fmt::format("table {} joins, but is there already", number));
            }
        }
        return {};
    }

  private:
    [[nodiscard]] Status corrupt(std::string why) const {
        return fail(fault(Fault::manifest_corrupt, path_, record_.offset, std::move(why)));
    }
    [[nodiscard]] Status cut() const { return corrupt("the edit ends inside a field"); }
    [[nodiscard]] Status unsupported(std::string why) const {
        return fail(fault(Fault::unsupported_manifest, path_, record_.offset, std::move(why)));
    }

    Status number_into(std::uint64_t& out) {
        const auto value = fields_.uvarint();
        if (!value) return cut();
        out = *value;
        return {};
    }

    Status read_field() {
        const auto tag = fields_.uvarint();
        if (!tag) return cut();
        std::uint64_t ignored = 0;
        switch (*tag) {
            case tag_comparer:
                return read_comparer();
            case tag_log_number:
                return number_into(manifest_.log_number);
            case tag_last_sequence:
                return number_into(manifest_.last_sequence);
            case tag_next_file:
            case tag_previous_log:
                return number_into(ignored);
            case tag_compaction_pointer:
                if (!fields_.uvarint() || !fields_.sized()) return cut();
                return {};
            case tag_deleted_file: {
                const auto level = fields_.uvarint();
                const auto number = level ? fields_.uvarint() : std::nullopt;
                if (!number) return cut();
                removed_.emplace(*level, *number);
                return {};
            }
            case tag_new_file:
            case tag_new_file_2:
            case tag_new_file_3:
            case tag_new_file_4:
            case tag_new_file_5:
                return read_table(*tag);
            case tag_created_virtual_backing:
            case tag_removed_virtual_backing:
                return unsupported("virtual tables");
            default:
                if (*tag >= kFirstColumnFamilyTag && *tag <= kLastColumnFamilyTag)
                    return unsupported("column families");
                return corrupt(fmt::format("unknown tag {}", *tag));
        }
    }

    Status read_comparer() {
        const auto name = fields_.sized();
        if (!name) return cut();
        comparer_seen_ = true;
        if (as_text(*name) == kComparer) return {};
        return fail(fault(Fault::unsupported_comparer, path_, record_.offset,
                          fmt::format("keys are ordered by {}", as_text(*name).substr(0, 100))));
    }

    Status read_table(std::uint64_t tag) {
        TableMeta table;
        const auto level = fields_.uvarint();
        const auto number = level ? fields_.uvarint() : std::nullopt;
        if (!number) return cut();
        if (*level >= kLevels) return corrupt(fmt::format("table {} joins level {}", *number, *level));
        table.level = static_cast<std::uint32_t>(*level);
        table.number = *number;
        if (tag == tag_new_file_3) {
            const auto path_id = fields_.uvarint();
            if (!path_id) return cut();
            if (*path_id != 0) return unsupported(fmt::format("table {} lies in another folder", *number));
        }
        IOSWARM_DO(number_into(table.size));
        IOSWARM_DO(read_bounds(tag, table));
        if (tag != tag_new_file) {
            IOSWARM_DO(number_into(table.smallest_sequence));
            IOSWARM_DO(number_into(table.largest_sequence));
        } else {
            table.largest_sequence = kMaxSequence;
        }
        if (tag == tag_new_file_4 || tag == tag_new_file_5) {
            IOSWARM_DO(read_custom());
        }
        added_.push_back(std::move(table));
        return {};
    }

    Status read_bounds(std::uint64_t tag, TableMeta& table) {
        if (tag == tag_new_file_5) {
            const auto marker = fields_.byte();
            if (!marker) return cut();
            table.has_points = (*marker & kHasPoints) != 0;
        }
        if (table.has_points) {
            const auto smallest = fields_.sized();
            const auto largest = smallest ? fields_.sized() : std::nullopt;
            if (!largest) return cut();
            table.smallest = to_bytes(*smallest);
            table.largest = to_bytes(*largest);
            const auto low = split_internal_key(table.smallest);
            const auto high = split_internal_key(table.largest);
            if (!low || !high)
                return corrupt(fmt::format("table {}: a bound without its trailer", table.number));
            if (compare(*low, *high) > 0)
                return corrupt(fmt::format("table {}: its bounds are in reverse", table.number));
        }
        if (tag == tag_new_file_5 && (!fields_.sized() || !fields_.sized())) return cut();
        return {};
    }

    Status read_custom() {
        for (;;) {
            const auto tag = fields_.uvarint();
            if (!tag) return cut();
            if (*tag == kCustomEnd) return {};
            if (*tag == kCustomVirtual) return unsupported("a virtual table");
            if (*tag == kCustomPathId || (*tag & kCustomMustUnderstand) != 0) {
                return unsupported(fmt::format("a table with the custom tag {}", *tag));
            }
            if (!fields_.sized()) return cut();
        }
    }

    const std::string& path_;
    const LogRecord& record_;
    FieldReader fields_;
    const bool first_;
    Manifest& manifest_;
    bool comparer_seen_ = false;
    std::set<std::pair<std::uint64_t, std::uint64_t>> removed_;  // (level, number)
    std::vector<TableMeta> added_;
};

}  // namespace

Result<Manifest> read_manifest(const std::string& path, BytesView file) {
    IOSWARM_TRY(auto log, read_manifest_log(path, file));
    if (log.end == LogEnd::broken && !log.torn_tail) {
        return fail(fault(Fault::manifest_corrupt, path, log.end_offset, log.why));
    }
    if (log.records.empty()) {
        return fail(fault(Fault::manifest_corrupt, path, log.end_offset, "it has no complete record"));
    }
    Manifest manifest;
    manifest.torn_tail = log.end == LogEnd::broken;
    bool first = true;
    for (const LogRecord& record : log.records) {
        IOSWARM_DO(EditReader(path, record, first, manifest).apply());
        first = false;
    }
    return manifest;
}

}  // namespace ioswarm::snapshot::pebble
