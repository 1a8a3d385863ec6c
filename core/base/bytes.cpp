// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.hpp"

#include <exception>
#include <random>

namespace ioswarm {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_base64_table() {
    std::array<std::int8_t, 256> table{};
    for (auto& entry : table)
        entry = -1;
    for (std::size_t i = 0; i < kBase64Alphabet.size(); ++i) {
        table[static_cast<std::uint8_t>(kBase64Alphabet[i])] = static_cast<std::int8_t>(i);
    }
    return table;
}
constexpr auto kBase64Value = make_base64_table();

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void append_hex(std::string& out, BytesView bytes) {
    out.reserve(out.size() + bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        out += kHexDigits[byte >> 4];
        out += kHexDigits[byte & 15];
    }
}

HashKey draw_hash_key() noexcept {
    HashKey key{0x9e3779b97f4a7c15, 0xd6e8feb86659fd93};
    try {
        std::random_device device;
        const auto draw = [&] { return std::uint64_t{device()} << 32 | device(); };
        key.start ^= draw();
        key.factor ^= draw() << 1;     // odd, so never 0
    } catch (const std::exception&) {  // no source of randomness: the hash then works without a random key
        return key;
    }
    return key;
}

}  // namespace

const HashKey& hash_key() noexcept {
    static const HashKey key = draw_hash_key();
    return key;
}

std::string to_hex(BytesView bytes) {
    std::string out;
    append_hex(out, bytes);
    return out;
}

std::string to_hex0x(BytesView bytes) {
    std::string out = "0x";
    append_hex(out, bytes);
    return out;
}

std::optional<Bytes> from_hex(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    if (text.size() % 2 != 0) return std::nullopt;
    Bytes out(text.size() / 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return out;
}

std::string to_base64(BytesView bytes) {
    std::string out;
    out.resize((bytes.size() + 2) / 3 * 4);
    char* to = out.data();
    std::size_t i = 0;
    for (; i + 3 <= bytes.size(); i += 3) {
        const std::uint32_t group =
            std::uint32_t{bytes[i]} << 16 | std::uint32_t{bytes[i + 1]} << 8 | bytes[i + 2];
        *to++ = kBase64Alphabet[group >> 18];
        *to++ = kBase64Alphabet[group >> 12 & 63];
        *to++ = kBase64Alphabet[group >> 6 & 63];
        *to++ = kBase64Alphabet[group & 63];
    }
    if (const std::size_t left = bytes.size() - i; left != 0) {
        const std::uint32_t group =
            std::uint32_t{bytes[i]} << 16 | (left == 2 ? std::uint32_t{bytes[i + 1]} << 8 : 0);
        *to++ = kBase64Alphabet[group >> 18];
        *to++ = kBase64Alphabet[group >> 12 & 63];
        *to++ = left == 2 ? kBase64Alphabet[group >> 6 & 63] : '=';
        *to = '=';
    }
    return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    if (text.empty()) return Bytes{};
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    Bytes out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const bool last = i + 4 == text.size();
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const bool pad = last && j >= 4 - padding;
            const int value = pad ? 0 : kBase64Value[static_cast<std::uint8_t>(text[i + j])];
            if (value < 0) return std::nullopt;
            group = group << 6 | static_cast<std::uint32_t>(value);
        }
        const std::size_t produced = last ? 3 - padding : 3;
        if (produced < 3 && (group & (produced == 2 ? 0xffU : 0xffffU)) != 0) return std::nullopt;
        out.push_back(static_cast<std::uint8_t>(group >> 16));
        if (produced > 1) out.push_back(static_cast<std::uint8_t>(group >> 8));
        if (produced > 2) out.push_back(static_cast<std::uint8_t>(group));
    }
    return out;
}

}  // namespace ioswarm
