// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"

namespace ioswarm::wire {

/// Protobuf wire types (https://protobuf.dev/programming-guides/encoding). Groups (3 and 4) are refused.
enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

/// One field of an encoded message. `type` says which of the members is set.
struct Field {
    std::uint32_t number = 0;  ///< 1 .. 2^29-1
    WireType type = WireType::varint;
    std::uint64_t scalar = 0;  ///< varint, fixed64, fixed32
    BytesView bytes;           ///< length_delimited; points into the reader's input
    BytesView raw;             ///< tag and value exactly as read, for passing an unknown field through
};

/// Reads fields one after the other without allocating. next() is empty after the last field and at the first
/// fault; ok() tells the two cases apart.
class Reader {
  public:
    explicit Reader(BytesView input) noexcept : rest_(input) {}

    [[nodiscard]] std::optional<Field> next() noexcept;
    /// False once the input has turned out to be malformed: it is cut short, a varint is longer than 10 bytes
    /// or 64 bits, a field number is 0 or above 2^29-1, or there is a group.
    [[nodiscard]] bool ok() const noexcept { return ok_; }

  private:
    std::optional<Field> broken() noexcept;

    BytesView rest_;
    bool ok_ = true;
};

/// Takes a varint off the front of `input`. Empty if the varint is cut short or exceeds 64 bits; `input` is
/// then unchanged.
[[nodiscard]] std::optional<std::uint64_t> take_varint(BytesView& input) noexcept;

/// Appends fields to a buffer in the order of the calls. The put_* functions for scalars and bytes leave out
/// default values, as proto3 does. The always_* functions write them too; repeated elements, map entries and
/// present sub-messages need that.
class Writer {
  public:
    explicit Writer(Bytes& out) noexcept : out_(out) {}

    void put_uint(std::uint32_t number, std::uint64_t value);
    void put_double(std::uint32_t number, double value);
    void put_bytes(std::uint32_t number, BytesView value);
    void put_text(std::uint32_t number, std::string_view value) { put_bytes(number, as_bytes(value)); }
    void always_uint(std::uint32_t number, std::uint64_t value);
    void always_bytes(std::uint32_t number, BytesView value);
    /// Writes the tag and length of a nested message of `size` bytes. The caller writes those bytes next.
    void open(std::uint32_t number, std::size_t size);
    void raw(BytesView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

  private:
    void tag(std::uint32_t number, WireType type);
    void varint(std::uint64_t value);

    Bytes& out_;
};

}  // namespace ioswarm::wire
