// SPDX-License-Identifier: Apache-2.0
#include "core/base/wire.hpp"

#include <bit>

namespace ioswarm::wire {
namespace {

constexpr std::uint32_t kMaxFieldNumber = (1U << 29) - 1;

std::uint64_t little_endian(BytesView bytes) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

}  // namespace

std::optional<std::uint64_t> take_varint(BytesView& input) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < input.size() && i < 10; ++i) {
        const std::uint64_t part = input[i] & 0x7f;
        if (i == 9 && part > 1) return std::nullopt;
        value |= part << (7 * i);
        if ((input[i] & 0x80) == 0) {
            input = input.subspan(i + 1);
            return value;
        }
    }
    return std::nullopt;
}

std::optional<Field> Reader::broken() noexcept {
    ok_ = false;
    rest_ = {};
    return std::nullopt;
}

std::optional<Field> Reader::next() noexcept {
    if (rest_.empty()) return std::nullopt;
    const BytesView start = rest_;
    const auto tag = take_varint(rest_);
    if (!tag || (*tag >> 3) == 0 || (*tag >> 3) > kMaxFieldNumber) return broken();
    Field field;
    field.number = static_cast<std::uint32_t>(*tag >> 3);
    switch (*tag & 7) {
        case 0: {
            const auto value = take_varint(rest_);
            if (!value) return broken();
            field.scalar = *value;
            break;
        }
        case 1:
        case 5: {
            const std::size_t size = (*tag & 7) == 1 ? 8 : 4;
            if (rest_.size() < size) return broken();
            field.scalar = little_endian(rest_.first(size));
            rest_ = rest_.subspan(size);
            break;
        }
        case 2: {
            const auto length = take_varint(rest_);
            if (!length || *length > rest_.size()) return broken();
            field.bytes = rest_.first(static_cast<std::size_t>(*length));
            rest_ = rest_.subspan(static_cast<std::size_t>(*length));
            break;
        }
        default:
            return broken();
    }
    field.type = static_cast<WireType>(*tag & 7);
    field.raw = start.first(start.size() - rest_.size());
    return field;
}

void Writer::varint(std::uint64_t value) {
    while (value >= 0x80) {
        out_.push_back(static_cast<std::uint8_t>(value | 0x80));
        value >>= 7;
    }
    out_.push_back(static_cast<std::uint8_t>(value));
}

void Writer::tag(std::uint32_t number, WireType type) {
    varint(std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type));
}

void Writer::always_uint(std::uint32_t number, std::uint64_t value) {
    tag(number, WireType::varint);
    varint(value);
}

void Writer::put_uint(std::uint32_t number, std::uint64_t value) {
    if (value != 0) always_uint(number, value);
}

void Writer::put_double(std::uint32_t number, double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    if (bits == 0) return;
    tag(number, WireType::fixed64);
    for (int i = 0; i < 8; ++i)
        out_.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
}

void Writer::open(std::uint32_t number, std::size_t size) {
    tag(number, WireType::length_delimited);
    varint(size);
}

void Writer::always_bytes(std::uint32_t number, BytesView value) {
    open(number, value.size());
    raw(value);
}

void Writer::put_bytes(std::uint32_t number, BytesView value) {
    if (!value.empty()) always_bytes(number, value);
}

}  // namespace ioswarm::wire
