// SPDX-License-Identifier: Apache-2.0
#include "core/base/u256.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <ostream>
#include <stdexcept>

namespace ioswarm {
namespace {

constexpr std::string_view kMost =
    "115792089237316195423570985008687907853269984665640564039457584007913129639935";
static_assert(kMost.size() == 78);

/// The largest power of ten that fits into 64 bits.
constexpr std::uint64_t kChunk = 10'000'000'000'000'000'000U;
constexpr std::size_t kChunkDigits = 19;

}  // namespace

limb_math::Division U256::divided(const U256& a, const U256& b) {
    if (b == 0) throw std::domain_error("a U256 is divided by 0");
    return limb_math::divided(a.limbs_, b.limbs_);
}

U256::operator double() const noexcept {
    const unsigned bits = limb_math::bit_length(limbs_);
    if (bits <= 64) return static_cast<double>(limbs_[0]);
    // The highest 64 bits decide how a double of 53 bits is rounded, except that a half must look larger if any
    // bit below is set.
    const unsigned below = bits - 64;
    auto top = static_cast<std::uint64_t>(*this >> below);
    if ((*this >> below << below) != *this) top |= 1;
    return std::ldexp(static_cast<double>(top), static_cast<int>(below));
}

std::optional<U256> u256_from_decimal(std::string_view text) {
    if (text.empty() || text.size() > kMost.size()) return std::nullopt;
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    if (text.size() == kMost.size() && text > kMost) return std::nullopt;
    U256 value = 0;
    while (!text.empty()) {
        const std::size_t count = text.size() % kChunkDigits == 0 ? kChunkDigits : text.size() % kChunkDigits;
        std::uint64_t chunk = 0;
        std::from_chars(text.data(), text.data() + count, chunk);
        value = value * kChunk + chunk;
        text.remove_prefix(count);
    }
    return value;
}

std::string to_decimal(const U256& value) {
    std::string out;
    U256 rest = value;
    while (rest >= kChunk) {
        std::string digits = std::to_string(static_cast<std::uint64_t>(rest % kChunk));
        digits.insert(0, kChunkDigits - digits.size(), '0');
        out.insert(0, digits);
        rest /= kChunk;
    }
    return std::to_string(static_cast<std::uint64_t>(rest)) + out;
}

std::ostream& operator<<(std::ostream& out, const U256& value) {
    return out << to_decimal(value);
}

std::optional<U256> u256_from_big_endian(BytesView bytes) {
    if (bytes.size() > 32) return std::nullopt;
    Hash256 word;
    std::copy(bytes.begin(), bytes.end(), word.bytes.end() - static_cast<std::ptrdiff_t>(bytes.size()));
    return U256(limb_math::load(word.bytes.data()));
}

Hash256 to_word(const U256& value) {
    Hash256 out;
    limb_math::store(value.limbs(), out.bytes.data());
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
