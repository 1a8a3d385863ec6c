// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/format.hpp"

#include <isa-l/crc.h>

#include <compare>
#include <limits>

#include <fmt/format.h>

#include "core/base/byte_order.hpp"
#include "core/base/wire.hpp"

namespace ioswarm::snapshot::pebble {
namespace {

ErrorCode code_of(Fault kind) noexcept {
    switch (kind) {
        case Fault::locked:
            return ErrorCode::try_again;
        case Fault::limit:
            return ErrorCode::resource_exhausted;
        default:
            return ErrorCode::bad_data;
    }
}

std::string_view hint_for(Fault kind) noexcept {
    switch (kind) {
        case Fault::not_a_pebble_directory:
            return "name the node's trie.db (a PebbleDB directory or a BoltDB file)";
        case Fault::locked:
            return "stop the node, or read beside it with --live";
        case Fault::unsupported_format_version:
        case Fault::unsupported_options:
        case Fault::unsupported_comparer:
        case Fault::unsupported_manifest:
        case Fault::unsupported_table_format:
        case Fault::unsupported_checksum:
        case Fault::unsupported_record:
            return "no iotex-core node writes this; was the directory handled by another program?";
        case Fault::missing_file:
            return "take the copy again, whole, with the node stopped";
        case Fault::manifest_corrupt:
        case Fault::wal_corrupt:
            return "take the copy again; the node itself, if it starts on this, silently drops what follows "
                   "the damage";
        case Fault::table_corrupt:
            return "make the copy again; if the node's own file is damaged, the node must sync again";
        case Fault::limit:
            return "no node stores a record of this size";
    }
    return "";
}

/// The value of Error::kind. Errors that fault() did not make have 0.
constexpr int number_of(Fault kind) noexcept {
    return static_cast<int>(kind) + 1;
}

}  // namespace

std::string_view to_string(Fault kind) noexcept {
    switch (kind) {
        case Fault::not_a_pebble_directory:
            return "not-a-pebble-directory";
        case Fault::locked:
            return "locked";
        case Fault::unsupported_format_version:
            return "unsupported-format-version";
        case Fault::unsupported_options:
            return "unsupported-options";
        case Fault::unsupported_comparer:
            return "unsupported-comparer";
        case Fault::unsupported_manifest:
            return "unsupported-manifest";
        case Fault::unsupported_table_format:
            return "unsupported-table-format";
        case Fault::unsupported_checksum:
            return "unsupported-checksum";
        case Fault::unsupported_record:
            return "unsupported-record";
        case Fault::missing_file:
            return "missing-file";
        case Fault::manifest_corrupt:
            return "manifest-corrupt";
        case Fault::wal_corrupt:
            return "wal-corrupt";
        case Fault::table_corrupt:
            return "table-corrupt";
        case Fault::limit:
            return "limit";
    }
    return "";
}

Error fault(Fault kind, const std::string& path, std::optional<std::uint64_t> offset, std::string why) {
    if (offset) why = fmt::format("offset {:#x}: {}", *offset, why);
    return Error{code_of(kind),  std::string(to_string(kind)), path,
                 std::move(why), std::string(hint_for(kind)),  number_of(kind)};
}

bool is_fault(const Error& error, Fault kind) noexcept {
    return error.kind == number_of(kind);
}

int compare(BytesView a, BytesView b) noexcept {
    const auto order = compare_bytes(a, b);
    return std::is_lt(order) ? -1 : std::is_gt(order) ? 1 : 0;
}

int compare(const InternalKey& a, const InternalKey& b) noexcept {
    const int order = compare(a.user, b.user);
    if (order != 0) return order;
    return a.trailer > b.trailer ? -1 : a.trailer < b.trailer ? 1 : 0;
}

std::optional<InternalKey> split_internal_key(BytesView bytes) noexcept {
    if (bytes.size() < kTrailerBytes) return std::nullopt;
    const std::size_t user = bytes.size() - kTrailerBytes;
    return InternalKey{bytes.first(user), u64_at(bytes, user)};
}

std::optional<std::uint8_t> FieldReader::byte() noexcept {
    if (rest_.empty()) return std::nullopt;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
}

std::optional<std::uint64_t> FieldReader::uvarint() noexcept {
    return wire::take_varint(rest_);  // the same encoding: LEB128 with at most 10 bytes and 64 bits
}

std::optional<std::uint32_t> FieldReader::long_uvarint32() noexcept {
    const auto value = wire::take_varint(rest_);
    if (!value || *value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

std::optional<BytesView> FieldReader::bytes(std::uint64_t count) noexcept {
    if (count > rest_.size()) return std::nullopt;
    const BytesView out = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(static_cast<std::size_t>(count));
    return out;
}

std::optional<BytesView> FieldReader::sized() noexcept {
    const auto length = uvarint();
    return length ? bytes(*length) : std::nullopt;
}

std::uint32_t masked_crc(BytesView first, BytesView second) noexcept {
    std::uint32_t crc = 0xffffffff;
    for (BytesView part : {first, second}) {
        while (!part.empty()) {  // ISA-L takes the length as an int
            const std::size_t step = std::min<std::size_t>(part.size(), 1U << 30);
            crc = crc32_iscsi(const_cast<unsigned char*>(part.data()), static_cast<int>(step), crc);
            part = part.subspan(step);
        }
    }
    crc = ~crc;
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

}  // namespace ioswarm::snapshot::pebble
