// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.hpp"

#include <exception>
#include <random>

#include "core/base/ascii.hpp"
#include "core/base/base64.hpp"

namespace ioswarm {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

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
        const int high = hex_digit_value(text[2 * i]);
        const int low = hex_digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return out;
}

std::string to_base64(BytesView bytes) {
    std::string out(base64_size(bytes.size()), '=');
    base64_encode(bytes, reinterpret_cast<std::uint8_t*>(out.data()));
    return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
    Bytes out;
    if (!base64_decode(text, out) || to_base64(out) != text) return std::nullopt;
    return out;
}

}  // namespace ioswarm
