// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_record.hpp"

#include <string>
#include <utility>

#include "core/base/try.hpp"
#include "core/base/wire.hpp"

namespace ioswarm {
namespace {

constexpr std::uint32_t kHeight = 1, kEntries = 2, kDigest = 3;
constexpr std::uint32_t kWriteType = 1, kNamespace = 2, kKey = 3, kValue = 4;

Error malformed(std::string why) {
    return {ErrorCode::bad_data, "cannot read a diff record", {}, std::move(why), {}};
}

Result<StateDiffEntry> read_entry(BytesView bytes) {
    StateDiffEntry entry;
    wire::Reader reader(bytes);
    while (const auto field = reader.next()) {
        if (field->number == kWriteType && field->type == wire::WireType::varint) {
            if (field->scalar > 1) return fail(malformed("a write type is neither put (0) nor delete (1)"));
            entry.write_type = static_cast<std::uint32_t>(field->scalar);
        } else if (field->number == kNamespace && field->type == wire::WireType::length_delimited) {
            entry.ns = as_text(field->bytes);
        } else if (field->number == kKey && field->type == wire::WireType::length_delimited) {
            entry.key = to_bytes(field->bytes);
        } else if (field->number == kValue && field->type == wire::WireType::length_delimited) {
            entry.value = to_bytes(field->bytes);
        } else {
            return fail(malformed("an entry has an unknown field"));
        }
    }
    if (!reader.ok()) return fail(malformed("an entry is not protobuf"));
    return entry;
}

}  // namespace

Bytes diff_record(const StateDiff& diff) {
    Bytes out;
    wire::Writer writer(out);
    writer.put_uint(kHeight, diff.height);
    Bytes scratch;
    for (const StateDiffEntry& entry : diff.entries) {
        scratch.clear();
        wire::Writer fields(scratch);
        fields.put_uint(kWriteType, entry.write_type);
        fields.put_text(kNamespace, entry.ns);
        fields.put_bytes(kKey, entry.key);
        fields.put_bytes(kValue, entry.value);
        writer.always_bytes(kEntries, scratch);
    }
    writer.put_bytes(kDigest, diff.digest);
    return out;
}

Result<StateDiff> read_diff_record(BytesView record) {
    if (record.size() > kMaxDiffRecordBytes) return fail(malformed("it is larger than a diff may be"));
    StateDiff diff;
    wire::Reader reader(record);
    while (const auto field = reader.next()) {
        if (field->number == kHeight && field->type == wire::WireType::varint) {
            diff.height = field->scalar;
        } else if (field->number == kEntries && field->type == wire::WireType::length_delimited) {
            if (diff.entries.size() == kMaxDiffEntries)
                return fail(malformed("it has more entries than a diff may have"));
            IOSWARM_TRY(auto entry, read_entry(field->bytes));
            diff.entries.push_back(std::move(entry));
        } else if (field->number == kDigest && field->type == wire::WireType::length_delimited) {
            diff.digest = to_bytes(field->bytes);
        } else {
            return fail(malformed("it has an unknown field"));
        }
    }
    if (!reader.ok()) return fail(malformed("it is not protobuf"));
    return diff;
}

}  // namespace ioswarm
