// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"

namespace ioswarm::wire {

/// Protobuf wire types (https://protobuf.dev/programming-guides/encoding). Groups (3, 4) are refused.
enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };

/// One field as it stands on the wire. Which of the members is set follows from `type`.
struct Field {
    std::uint32_t number = 0;  ///< 1 .. 2^29-1
    WireType type = WireType::varint;
    std::uint64_t scalar = 0;  ///< varint, fixed64, fixed32
    BytesView bytes;           ///< length_delimited; points into the reader's input
    BytesView raw;             ///< tag and value as they stood, for passing an unknown field through
};

/// Reads fields one after the other without allocating. After the last one, or at the first fault, next() gives
/// nothing; ok() tells the two apart.
class Reader {
  public:
    explicit Reader(BytesView input) noexcept : rest_(input) {}

    [[nodiscard]] std::optional<Field> next() noexcept;
    /// False once the input was found malformed: truncated, a varint over 10 bytes or 64 bits, field number 0
    /// or over 2^29-1, a group.
    [[nodiscard]] bool ok() const noexcept { return ok_; }

  private:
    std::optional<Field> broken() noexcept;

    BytesView rest_;
    bool ok_ = true;
};

/// Takes a varint off the front of `input`; nothing when it is truncated or passes 64 bits (`input` is
/// unchanged).
[[nodiscard]] std::optional<std::uint64_t> take_varint(BytesView& input) noexcept;

/// Appends fields to a buffer, in the order of the calls. The put_* of scalars and bytes leave out default
/// values, as proto3 does; the always_* write them (repeated elements, map entries, present sub-messages).
class Writer {
  public:
    explicit Writer(Bytes& out) noexcept : out_(out) {}

    void put_uint(std::uint32_t number, std::uint64_t value);
    void put_double(std::uint32_t number, double value);
    void put_bytes(std::uint32_t number, BytesView value);
    void put_text(std::uint32_t number, std::string_view value) { put_bytes(number, as_bytes(value)); }
    void always_uint(std::uint32_t number, std::uint64_t value);
    void always_bytes(std::uint32_t number, BytesView value);
    /// Tag and length of a nested message of `size` bytes; the caller writes them next.
    void open(std::uint32_t number, std::size_t size);
    void raw(BytesView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

  private:
    void tag(std::uint32_t number, WireType type);
    void varint(std::uint64_t value);

    Bytes& out_;
};

}  // namespace ioswarm::wire
