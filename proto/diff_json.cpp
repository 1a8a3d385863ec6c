// SPDX-License-Identifier: Apache-2.0
#include "proto/diff_json.hpp"

#include <string_view>

#include "core/base/wire.hpp"
#include "proto/base64.hpp"
#include "proto/json_writer.hpp"

namespace ioswarm::proto {
namespace {

// Field numbers of ../shared/spec/protocol.md section 2.
constexpr std::uint32_t kHeight = 1, kEntries = 2, kDigest = 3;
constexpr std::uint32_t kWriteType = 1, kNamespace = 2, kKey = 3, kValue = 4;
constexpr std::string_view kNull = "null";

struct Entry {
    std::uint64_t write_type = 0;
    BytesView ns;
    BytesView key;
    BytesView value;
};

bool read_entry(BytesView bytes, Entry& entry) noexcept {
    wire::Reader reader(bytes);
    while (const auto field = reader.next()) {
        switch (field->number) {
            case kWriteType:
                entry.write_type = field->scalar;
                break;
            case kNamespace:
                entry.ns = field->bytes;
                break;
            case kKey:
                entry.key = field->bytes;
                break;
            case kValue:
                entry.value = field->bytes;
                break;
            default:
                return false;
        }
    }
    return reader.ok();
}

/// Calls `on_entry` for each entry and fills in the rest. False: not a record.
template <typename OnEntry>
bool read_record(BytesView record, std::uint64_t& height, BytesView& digest, OnEntry&& on_entry) {
    wire::Reader reader(record);
    while (const auto field = reader.next()) {
        if (field->number == kHeight) {
            height = field->scalar;
        } else if (field->number == kEntries) {
            Entry entry;
            if (!read_entry(field->bytes, entry)) return false;
            on_entry(entry);
        } else if (field->number == kDigest) {
            digest = field->bytes;
        } else {
            return false;
        }
    }
    return reader.ok();
}

std::size_t size_of(BytesView bytes) noexcept {
    return bytes.empty() ? kNull.size() : base64_size(bytes.size()) + 2;
}

void write(JsonWriter& out, BytesView bytes) {
    if (bytes.empty()) {
        out.put(kNull);
    } else {
        out.bytes(bytes);
    }
}

void write(JsonWriter& out, const Entry& entry) {
    out.put(R"({"write_type":)");
    out.integer(entry.write_type);
    out.put(R"(,"namespace":)");
    out.string(as_text(entry.ns));
    out.put(R"(,"key":)");
    write(out, entry.key);
    if (!entry.value.empty()) {
        out.put(R"(,"value":)");
        out.bytes(entry.value);
    }
    out.put('}');
}

}  // namespace

std::size_t diff_json_size(BytesView record) noexcept {
    std::uint64_t height = 0;
    BytesView digest;
    std::size_t entries = 0;
    const bool good = read_record(record, height, digest, [&](const Entry& entry) {
        entries += std::string_view(R"({"write_type":,"namespace":"","key":},)").size() +
                   json_integer_size(entry.write_type) + entry.ns.size() + size_of(entry.key);
        if (!entry.value.empty()) entries += std::string_view(R"(,"value":)").size() + size_of(entry.value);
    });
    if (!good) return 0;
    // The comma counted with each entry is one too many; the brackets stand for null.
    return std::string_view(R"({"height":,"entries":,"digest_bytes":})").size() + json_integer_size(height) +
           (entries == 0 ? kNull.size() : entries + 1) + size_of(digest);
}

Result<Bytes> diff_json(BytesView record) {
    // The height comes first in a record, and in the JSON before the entries.
    JsonWriter out(diff_json_size(record));
    std::uint64_t height = 0;
    BytesView digest;
    bool any = false;
    const auto begin = [&] {
        out.put(R"({"height":)");
        out.integer(height);
        out.put(R"(,"entries":)");
    };
    const bool good = read_record(record, height, digest, [&](const Entry& entry) {
        if (!any) begin();
        out.put(any ? ',' : '[');
        any = true;
        write(out, entry);
    });
    if (!good) return fail(ErrorCode::bad_data, "cannot read a diff record", {}, "it is not one");
    if (any) {
        out.put(']');
    } else {
        begin();
        out.put(kNull);
    }
    out.put(R"(,"digest_bytes":)");
    write(out, digest);
    out.put('}');
    return out.take();
}

}  // namespace ioswarm::proto
