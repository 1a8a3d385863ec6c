// SPDX-License-Identifier: Apache-2.0
#pragma once

// The layout of a PebbleDB directory as iotex-core's nodes write it. The constants and rules in this folder are
// those of the Pebble version in iotex-core.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/little_endian.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot::pebble {

inline constexpr std::uint32_t kMaxFormatVersion = 14;
inline constexpr std::string_view kComparer = "leveldb.BytewiseComparator";
// Prefix of a stored key: the first bytes of hash160b(namespace).
inline constexpr std::size_t kPrefixBytes = 8;
inline constexpr std::size_t kTrailerBytes = 8;  // trailer of an internal key: sequence number << 8 | kind
inline constexpr std::uint64_t kMaxSequence = (std::uint64_t{1} << 56) - 1;

/// The classes of errors. Operators see their names, and the test data with damaged directories lists them.
enum class Fault {
    not_a_pebble_directory,
    locked,
    unsupported_format_version,
    unsupported_options,
    unsupported_comparer,
    unsupported_manifest,
    unsupported_table_format,
    unsupported_checksum,
    unsupported_record,
    missing_file,
    manifest_corrupt,
    wal_corrupt,
    table_corrupt,
    limit,
};

[[nodiscard]] std::string_view to_string(Fault fault) noexcept;
/// Makes an error such as "wal-corrupt: PATH: offset 0x1f: why", with a hint for its class.
[[nodiscard]] Error fault(Fault kind, const std::string& path, std::optional<std::uint64_t> offset,
                          std::string why);
/// Whether fault() made the error with this kind.
[[nodiscard]] bool is_fault(const Error& error, Fault kind) noexcept;

/// The kinds of internal keys and of operations in a batch.
enum Kind : std::uint8_t {
    kind_delete = 0,
    kind_set = 1,
    kind_merge = 2,
    kind_log_data = 3,
    kind_single_delete = 7,
    kind_range_delete = 15,
    kind_separator = 17,
    kind_set_with_delete = 18,
    kind_range_key_delete = 19,
    kind_range_key_unset = 20,
    kind_range_key_set = 21,
    kind_ingest = 22,
    kind_delete_sized = 23,
};

/// A stored key with its version. The views point into blocks or batches.
struct InternalKey {
    BytesView user;
    std::uint64_t trailer = 0;
    [[nodiscard]] std::uint64_t sequence() const noexcept { return trailer >> 8; }
    [[nodiscard]] std::uint8_t kind() const noexcept { return static_cast<std::uint8_t>(trailer); }
};

/// Compares bytes. A prefix comes before its extensions.
[[nodiscard]] int compare(BytesView a, BytesView b) noexcept;
/// Ascending user keys, then descending trailers, so that the newest version comes first.
[[nodiscard]] int compare(const InternalKey& a, const InternalKey& b) noexcept;
/// Returns nothing when the bytes are shorter than a trailer.
[[nodiscard]] std::optional<InternalKey> split_internal_key(BytesView bytes) noexcept;

/// Reads fields from the front of a buffer. Returns nothing when there are not enough bytes. Lengths are
/// checked against the rest of the buffer.
class FieldReader {
  public:
    explicit FieldReader(BytesView input) noexcept : rest_(input) {}
    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }
    [[nodiscard]] std::optional<std::uint8_t> byte() noexcept;
    [[nodiscard]] std::optional<std::uint64_t> uvarint() noexcept;
    /// A uvarint of at most 32 bits.
    [[nodiscard]] std::optional<std::uint32_t> uvarint32() noexcept {
        if (rest_.empty() || rest_[0] >= 0x80) return long_uvarint32();
        const std::uint32_t value = rest_[0];
        rest_ = rest_.subspan(1);
        return value;
    }
    [[nodiscard]] std::optional<BytesView> bytes(std::uint64_t count) noexcept;
    /// A length as uvarint, followed by that many bytes.
    [[nodiscard]] std::optional<BytesView> sized() noexcept;

  private:
    [[nodiscard]] std::optional<std::uint32_t> long_uvarint32() noexcept;
    BytesView rest_;
};

/// CRC-32C over both parts in order, masked as Pebble stores it.
[[nodiscard]] std::uint32_t masked_crc(BytesView first, BytesView second = {}) noexcept;

}  // namespace ioswarm::snapshot::pebble
