// SPDX-License-Identifier: Apache-2.0
#include "core/base/base64.hpp"

#include <array>
#include <cstring>

namespace ioswarm {
namespace {

constexpr std::string_view kBase64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr auto kDigitValue = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(kNoDigit);
    for (std::size_t i = 0; i < kBase64Alphabet.size(); ++i) {
        table[static_cast<std::uint8_t>(kBase64Alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return table;
}();

/// Two characters for each 12 bits. This needs half as many look-ups as one character for each 6 bits.
constexpr auto kPairs = [] {
    std::array<std::array<char, 2>, 4096> table{};
    for (std::size_t i = 0; i < table.size(); ++i)
        table[i] = {kBase64Alphabet[i >> 6], kBase64Alphabet[i & 63]};
    return table;
}();

/// Decodes the rest of the text, starting at the first group of four that contains anything but base64 digits:
/// a line end, padding or a fault.
bool decode_slowly(std::string_view text, Bytes& out, std::size_t used) {
    std::uint32_t group = 0;
    int digits = 0;
    int padding = 0;
    for (const char c : text) {
        if (c == '\r' || c == '\n') continue;
        if (c == '=') {
            if (digits + ++padding > 4 || digits < 2) return false;
            continue;
        }
        const std::uint8_t value = kDigitValue[static_cast<std::uint8_t>(c)];
        if (value == kNoDigit || padding != 0) return false;
        group = group << 6 | value;
        if (++digits == 4) {
            out[used++] = static_cast<std::uint8_t>(group >> 16);
            out[used++] = static_cast<std::uint8_t>(group >> 8);
            out[used++] = static_cast<std::uint8_t>(group);
            group = 0;
            digits = 0;
        }
    }
    if (digits != 0) {
        if (digits + padding != 4) return false;
        group <<= 6 * padding;
        out[used++] = static_cast<std::uint8_t>(group >> 16);
        if (padding == 1) out[used++] = static_cast<std::uint8_t>(group >> 8);
    } else if (padding != 0) {
        return false;
    }
    out.resize(used);
    return true;
}

}  // namespace

bool base64_decode(std::string_view text, Bytes& out) {
    out.resize((text.size() + 3) / 4 * 3);
    std::size_t used = 0;
    while (text.size() >= 4) {
        const auto digit = [&](std::size_t i) { return kDigitValue[static_cast<std::uint8_t>(text[i])]; };
        const std::uint8_t a = digit(0);
        const std::uint8_t b = digit(1);
        const std::uint8_t c = digit(2);
        const std::uint8_t d = digit(3);
        if (((a | b | c | d) & 0x80) != 0) break;
        out[used++] = static_cast<std::uint8_t>(a << 2 | b >> 4);
        out[used++] = static_cast<std::uint8_t>(b << 4 | c >> 2);
        out[used++] = static_cast<std::uint8_t>(c << 6 | d);
        text.remove_prefix(4);
    }
    return decode_slowly(text, out, used);
}

void base64_encode(BytesView in, std::uint8_t* to) noexcept {
    std::size_t i = 0;
    for (; i + 3 <= in.size(); i += 3, to += 4) {
        const std::uint32_t group = std::uint32_t{in[i]} << 16 | std::uint32_t{in[i + 1]} << 8 | in[i + 2];
        std::memcpy(to, kPairs[group >> 12].data(), 2);
        std::memcpy(to + 2, kPairs[group & 0xfff].data(), 2);
    }
    const std::size_t left = in.size() - i;
    if (left == 0) return;
    const std::uint32_t group = std::uint32_t{in[i]} << 16 | (left == 2 ? std::uint32_t{in[i + 1]} << 8 : 0U);
    std::memcpy(to, kPairs[group >> 12].data(), 2);
    to[2] = left == 2 ? static_cast<std::uint8_t>(kBase64Alphabet[group >> 6 & 63]) : std::uint8_t{'='};
    to[3] = '=';
}

}  // namespace ioswarm
