// SPDX-License-Identifier: Apache-2.0
#include "proto/codec/diff_json.hpp"

#include <string_view>

#include "core/base/base64.hpp"
#include "core/base/wire.hpp"
#include "proto/codec/json_writer.hpp"

namespace ioswarm::proto {
namespace {

// Protobuf tags (field number and wire type) of the messages StateDiffResponse and StateDiffEntry.
constexpr std::uint64_t tag_of(std::uint64_t field, std::uint64_t wire_type) noexcept {
    return field << 3 | wire_type;
}
constexpr std::uint64_t kVarint = 0, kBytes = 2;
constexpr std::uint64_t kHeight = tag_of(1, kVarint), kEntries = tag_of(2, kBytes), kDigest = tag_of(3, kBytes);
constexpr std::uint64_t kWriteType = tag_of(1, kVarint), kNamespace = tag_of(2, kBytes),
                        kKey = tag_of(3, kBytes), kValue = tag_of(4, kBytes);
constexpr std::string_view kNull = "null";

struct Entry {
    std::uint64_t write_type = 0;
    BytesView ns;
    BytesView key;
    BytesView value;
};

/// Reads the fields of a record or an entry one after the other. wire::Reader can do this for any message. This
/// class is faster, and besides base64, reading fields is most of the work when a JSON agent catches up.
class Fields {
  public:
    explicit Fields(BytesView message) noexcept : at_(message.data()), end_(at_ + message.size()) {}

    std::uint64_t tag = 0;
    std::uint64_t scalar = 0;  ///< value of the current field if it is a varint
    BytesView bytes;           ///< content of the current field if it has a length

    /// Returns false at the end and at the first fault. is_good() tells the two apart.
    bool next() noexcept {
        if (at_ == end_) return false;
        if (!take(tag)) return fault();
        if ((tag & 7) == kVarint) return take(scalar) || fault();
        std::uint64_t size = 0;
        if ((tag & 7) != kBytes || !take(size) || size > static_cast<std::uint64_t>(end_ - at_)) return fault();
        bytes = BytesView(at_, static_cast<std::size_t>(size));
        at_ += size;
        return true;
    }
    [[nodiscard]] bool is_good() const noexcept { return good_; }

  private:
    bool take(std::uint64_t& value) noexcept {
        if (at_ != end_ && *at_ < 0x80) {
            value = *at_++;
            return true;
        }
        BytesView rest(at_, static_cast<std::size_t>(end_ - at_));
        const auto taken = wire::take_varint(rest);
        at_ = rest.data();
        value = taken.value_or(0);
        return taken.has_value();
    }
    bool fault() noexcept {
        good_ = false;
        return false;
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    bool good_ = true;
};

bool read_entry(BytesView bytes, Entry& entry) noexcept {
    Fields fields(bytes);
    while (fields.next()) {
        switch (fields.tag) {
            case kWriteType:
                entry.write_type = fields.scalar;
                break;
            case kNamespace:
                entry.ns = fields.bytes;
                break;
            case kKey:
                entry.key = fields.bytes;
                break;
            case kValue:
                entry.value = fields.bytes;
                break;
            default:
                return false;
        }
    }
    return fields.is_good();
}

/// Calls `on_entry` for each entry and fills in `height` and `digest`. Returns false if `record` is not a
/// record.
template <typename OnEntry>
bool read_record(BytesView record, std::uint64_t& height, BytesView& digest, OnEntry&& on_entry) {
    Fields fields(record);
    while (fields.next()) {
        if (fields.tag == kHeight) {
            height = fields.scalar;
        } else if (fields.tag == kEntries) {
            Entry entry;
            if (!read_entry(fields.bytes, entry)) return false;
            on_entry(entry);
        } else if (fields.tag == kDigest) {
            digest = fields.bytes;
        } else {
            return false;
        }
    }
    return fields.is_good();
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
    // Each entry was counted with a comma, which is one comma too many; so only one byte is added for the two
    // brackets. Without entries, the list is written as null.
    return std::string_view(R"({"height":,"entries":,"digest_bytes":})").size() + json_integer_size(height) +
           (entries == 0 ? kNull.size() : entries + 1) + size_of(digest);
}

Result<Bytes> diff_json(BytesView record) {
    // In a record the height comes before the entries, so the JSON can be started when the first entry is read.
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
