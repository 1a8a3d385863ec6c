// SPDX-License-Identifier: Apache-2.0
#include "proto/codec/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/base/base64.hpp"
#include "core/base/text.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

/// True for each byte that can be written without an escape.
constexpr auto kPlain = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0x20; c < 0x80; ++c)
        table[c] = true;
    for (const char c : {'"', '\\', '<', '>', '&'})
        table[static_cast<std::uint8_t>(c)] = false;
    return table;
}();

bool is_plain(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return kPlain[static_cast<std::uint8_t>(c)]; });
}

/// Length of the valid UTF-8 sequence at the start of `text`; 0 if there is none.
std::size_t utf8_length(std::string_view text) noexcept {
    for (std::size_t length = 2; length <= 4 && length <= text.size(); ++length) {
        if (is_valid_utf8(text.substr(0, length))) return length;
    }
    return 0;
}

}  // namespace

void JsonWriter::grow(std::size_t size) {
    buffer_.resize(std::max(buffer_.size() * 2, used_ + size + 64));
}

void JsonWriter::key(std::string_view name, bool first) {
    std::uint8_t* to = room(name.size() + 4);
    const std::uint8_t* const start = to;
    if (!first) *to++ = ',';
    *to++ = '"';
    std::memcpy(to, name.data(), name.size());
    to += name.size();
    *to++ = '"';
    *to++ = ':';
    used_ += static_cast<std::size_t>(to - start);
}

void JsonWriter::string(std::string_view text) {
    if (!is_plain(text)) return escaped(text);
    std::uint8_t* const to = room(text.size() + 2);
    to[0] = '"';
    if (!text.empty()) std::memcpy(to + 1, text.data(), text.size());
    to[text.size() + 1] = '"';
    used_ += text.size() + 2;
}

void JsonWriter::escaped(std::string_view text) {
    put('"');
    while (!text.empty()) {
        const auto c = static_cast<std::uint8_t>(text.front());
        if (kPlain[c]) {
            put(text.front());
            text.remove_prefix(1);
            continue;
        }
        if (c >= 0x80) {
            const std::size_t length = utf8_length(text);
            const std::string_view rune = text.substr(0, std::max<std::size_t>(length, 1));
            if (length == 0) {
                put("\\ufffd");
            } else if (rune == "\u2028" || rune == "\u2029") {
                put(rune == "\u2028" ? "\\u2028" : "\\u2029");
            } else {
                put(rune);
            }
            text.remove_prefix(rune.size());
            continue;
        }
        text.remove_prefix(1);
        switch (c) {
            case '"':
                put("\\\"");
                break;
            case '\\':
                put("\\\\");
                break;
            case '\n':
                put("\\n");
                break;
            case '\r':
                put("\\r");
                break;
            case '\t':
                put("\\t");
                break;
            default:
                put("\\u00");
                put(kHexDigits[c >> 4]);
                put(kHexDigits[c & 15]);
        }
    }
    put('"');
}

void JsonWriter::bytes(BytesView value) {
    const std::size_t size = base64_size(value.size());
    std::uint8_t* const to = room(size + 2);
    to[0] = '"';
    base64_encode(value, to + 1);
    to[size + 1] = '"';
    used_ += size + 2;
}

void JsonWriter::integer(std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    put(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void JsonWriter::integer(std::int64_t value) {
    if (value < 0) put('-');
    integer(value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
}

void JsonWriter::number(double value) {
    if (!std::isfinite(value)) return put('0');
    if (std::signbit(value)) put('-');
    value = std::fabs(value);
    if (value == 0) return put('0');
    // Reads the shortest digits from the form "d.ddde±xx". std::to_chars in fixed form would write more digits
    // than necessary for large values.
    std::array<char, 32> text;
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific).ptr;
    const std::string_view shortest(text.data(), static_cast<std::size_t>(end - text.data()));
    const std::size_t e = shortest.find('e');
    std::string digits(shortest.substr(0, 1));
    if (e > 2) digits += shortest.substr(2, e - 2);
    int exponent = 0;
    std::from_chars(shortest.data() + e + 2, end, exponent);
    if (shortest[e + 1] == '-') exponent = -exponent;

    if (value < 1e-6 || value >= 1e21) {
        put(digits.front());
        if (digits.size() > 1) {
            put('.');
            put(std::string_view(digits).substr(1));
        }
        put(exponent < 0 ? "e-" : "e+");
        return integer(static_cast<std::uint64_t>(std::abs(exponent)));
    }
    const auto point = static_cast<std::size_t>(std::max(exponent + 1, 0));
    if (point == 0) {
        put("0.");
        put(std::string(static_cast<std::size_t>(-exponent - 1), '0'));
        return put(digits);
    }
    if (digits.size() <= point) {
        put(digits);
        return put(std::string(point - digits.size(), '0'));
    }
    put(std::string_view(digits).substr(0, point));
    put('.');
    put(std::string_view(digits).substr(point));
}

std::size_t json_integer_size(std::uint64_t value) noexcept {
    std::size_t size = 1;
    while (value >= 10) {
        value /= 10;
        ++size;
    }
    return size;
}

}  // namespace ioswarm::proto
