// SPDX-License-Identifier: Apache-2.0
#include "core/base/u256.hpp"

#include <algorithm>
#include <iterator>

namespace ioswarm {

std::optional<U256> u256_from_decimal(std::string_view text) {
    // 2^256-1 has 78 digits, so U512 holds any accepted text before the range check.
    if (text.empty() || text.size() > 78) return std::nullopt;
    U512 value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    if ((value >> 256) != 0) return std::nullopt;
    return static_cast<U256>(value);
}

std::string to_decimal(const U256& value) {
    return value.str();
}

std::optional<U256> u256_from_big_endian(BytesView bytes) {
    if (bytes.size() > 32) return std::nullopt;
    // Reads 64-bit words, because a 256-bit shift per byte would take longer than hashing the result does.
    U256 value = 0;
    while (!bytes.empty()) {
        const std::size_t count = bytes.size() % 8 == 0 ? 8 : bytes.size() % 8;
        std::uint64_t word = 0;
        for (const std::uint8_t byte : bytes.first(count))
            word = word << 8 | byte;
        value = (value << 64) | word;
        bytes = bytes.subspan(count);
    }
    return value;
}

Hash256 to_word(const U256& value) {
    Hash256 out;
    U256 rest = value;
    for (std::size_t end = out.bytes.size(); end != 0; end -= 8) {
        auto word = static_cast<std::uint64_t>(rest & ~std::uint64_t{0});
        for (std::size_t i = end; i != end - 8; word >>= 8)
            out.bytes[--i] = static_cast<std::uint8_t>(word);
        rest >>= 64;
    }
    return out;
}

Bytes to_big_endian(const U256& value) {
    const Hash256 word = to_word(value);
    const auto first =
        std::find_if(word.bytes.begin(), word.bytes.end(), [](std::uint8_t b) { return b != 0; });
    return {first, word.bytes.end()};
}

std::optional<U256> u256_from_quantity(std::string_view text) {
    if (!text.starts_with("0x") && !text.starts_with("0X")) return std::nullopt;
    text.remove_prefix(2);
    if (text.empty() || text.size() > 64) return std::nullopt;
    const std::string even = (text.size() % 2 != 0 ? "0x0" : "0x") + std::string(text);
    const auto bytes = from_hex(even);
    return bytes ? u256_from_big_endian(*bytes) : std::nullopt;
}

std::string to_quantity(const U256& value) {
    if (value == 0) return "0x0";
    std::string hex = to_hex(to_big_endian(value));
    if (hex.front() == '0') hex.erase(0, 1);
    return "0x" + hex;
}

}  // namespace ioswarm
