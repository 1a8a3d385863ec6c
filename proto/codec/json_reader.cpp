// SPDX-License-Identifier: Apache-2.0
#include "proto/codec/json_reader.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "core/base/base64.hpp"
#include "core/base/text.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::uint64_t repeat(std::uint8_t byte) noexcept {
    return 0x0101010101010101ULL * byte;
}

/// Finds the bytes of `word` that end or complicate a string: a quote, a backslash, a control byte or a byte
/// outside ASCII. The high bit of the first such byte is set in the result. Bytes after the first one may be
/// marked wrongly.
std::uint64_t special_bytes(std::uint64_t word) noexcept {
    const auto zero_byte = [](std::uint64_t x) { return (x - repeat(0x01)) & ~x; };
    const std::uint64_t control = (word - repeat(0x20)) & ~word;
    return (zero_byte(word ^ repeat('"')) | zero_byte(word ^ repeat('\\')) | control | word) & repeat(0x80);
}

/// The first byte at or after `at` that is a quote, a backslash, a control byte or not ASCII. Returns `end` if
/// there is none.
const std::uint8_t* find_special(const std::uint8_t* at, const std::uint8_t* end) noexcept {
    static_assert(std::endian::native == std::endian::little);
    while (end - at >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        if (const std::uint64_t hits = special_bytes(word); hits != 0) return at + std::countr_zero(hits) / 8;
        at += 8;
    }
    while (at != end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        ++at;
    return at;
}

std::string_view text_between(const std::uint8_t* from, const std::uint8_t* to) noexcept {
    return {reinterpret_cast<const char*>(from), static_cast<std::size_t>(to - from)};
}

bool is_digit(std::uint8_t c) noexcept {
    return c >= '0' && c <= '9';
}

/// Value of the four hex digits at the start of `text`; negative if it does not start with four hex digits.
int four_hex(std::string_view text) noexcept {
    if (text.size() < 4) return -1;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + 4, value, 16);
    return error == std::errc{} && end == text.data() + 4 ? static_cast<int>(value) : -1;
}

void append_utf8(std::string& out, std::uint32_t rune) {
    const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (rune < 0x80) {
        put(rune);
    } else if (rune < 0x800) {
        put(0xc0 | rune >> 6);
        put(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        put(0xe0 | rune >> 12);
        put(0x80 | (rune >> 6 & 0x3f));
        put(0x80 | (rune & 0x3f));
    } else {
        put(0xf0 | rune >> 18);
        put(0x80 | (rune >> 12 & 0x3f));
        put(0x80 | (rune >> 6 & 0x3f));
        put(0x80 | (rune & 0x3f));
    }
}

/// For a number that does not fit into a double: true if it is too close to 0, false if it is too large.
bool is_below_one(std::string_view token) noexcept {
    long long power = 0;
    bool point = false;
    bool seen = false;
    std::size_t i = token.starts_with('-') ? 1 : 0;
    for (; i < token.size() && token[i] != 'e' && token[i] != 'E'; ++i) {
        if (token[i] == '.') {
            point = true;
            continue;
        }
        seen = seen || token[i] != '0';
        if (seen && !point) ++power;
        if (!seen && point) --power;
    }
    if (!seen) return true;
    if (i == token.size()) return power <= 0;
    std::string_view exponent = token.substr(i + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    long long value = 0;
    if (std::from_chars(exponent.data(), exponent.data() + exponent.size(), value).ec != std::errc{}) {
        return exponent.starts_with('-');
    }
    constexpr long long kFar = 1LL << 40;  // no payload has that many digits
    if (value > kFar || value < -kFar) return value < 0;
    return power + value <= 0;
}

}  // namespace

void JsonReader::skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
        ++at_;
}

bool JsonReader::take(char wanted) noexcept {
    skip_space();
    if (at_ == end_ || *at_ != static_cast<std::uint8_t>(wanted)) return false;
    ++at_;
    return true;
}

bool JsonReader::take_null() noexcept {
    skip_space();
    if (end_ - at_ < 4 || std::memcmp(at_, "null", 4) != 0) return false;
    at_ += 4;
    return true;
}

bool JsonReader::wrong_token(const char* wanted) {
    skip_space();
    if (at_ == end_) return fault_.set("ends too early");
    const char* found = "something else";
    switch (*at_) {
        case '{':
            found = "an object";
            break;
        case '[':
            found = "a list";
            break;
        case '"':
            found = "a string";
            break;
        case 't':
        case 'f':
            found = "a boolean";
            break;
        case 'n':
            found = "null";
            break;
        default:
            if (*at_ == '-' || is_digit(*at_)) found = "a number";
    }
    return fault_.set(fmt::format("expected {}, found {}", wanted, found));
}

bool JsonReader::open(char bracket) {
    if (!take(bracket)) return wrong_token(bracket == '{' ? "an object" : "a list");
    if (++depth_ > kMaxJsonDepth) return fault_.set(fmt::format("nested deeper than {}", kMaxJsonDepth));
    return true;
}

bool JsonReader::next_or_close(char closing, bool& closed) {
    closed = take(closing);
    if (closed) {
        --depth_;
        return true;
    }
    if (take(',')) return true;
    return wrong_token(closing == '}' ? "',' or '}'" : "',' or ']'");
}

bool JsonReader::read_key(std::string_view& key) {
    if (!read_string(key)) return false;
    return take(':') || wrong_token("':'");
}

bool JsonReader::read_bool(bool& value) {
    skip_space();
    const std::string_view rest = text_between(at_, end_);
    if (rest.starts_with("true")) {
        value = true;
        at_ += 4;
        return true;
    }
    if (!rest.starts_with("false")) return wrong_token("a boolean");
    value = false;
    at_ += 5;
    return true;
}

bool JsonReader::unescape(std::string_view raw) {
    scratch_.clear();
    scratch_.reserve(raw.size());
    while (!raw.empty()) {
        const std::size_t plain = std::min(raw.find('\\'), raw.size());
        scratch_ += raw.substr(0, plain);
        raw.remove_prefix(plain);
        if (raw.empty()) break;
        const char kind = raw[1];  // the caller made sure that a backslash is never the last byte
        raw.remove_prefix(2);
        switch (kind) {
            case '"':
            case '\\':
            case '/':
                scratch_ += kind;
                break;
            case 'b':
                scratch_ += '\b';
                break;
            case 'f':
                scratch_ += '\f';
                break;
            case 'n':
                scratch_ += '\n';
                break;
            case 'r':
                scratch_ += '\r';
                break;
            case 't':
                scratch_ += '\t';
                break;
            case 'u': {
                const int unit = four_hex(raw);
                if (unit < 0) return fault_.set("\\u without four hex digits");
                raw.remove_prefix(4);
                auto rune = static_cast<std::uint32_t>(unit);
                if (rune >= 0xd800 && rune <= 0xdfff) {
                    const int low = raw.starts_with("\\u") ? four_hex(raw.substr(2)) : -1;
                    if (rune <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
                        rune = 0x10000 + ((rune - 0xd800) << 10) + (static_cast<std::uint32_t>(low) - 0xdc00);
                        raw.remove_prefix(6);
                    } else {
                        rune = 0xfffd;
                    }
                }
                append_utf8(scratch_, rune);
                break;
            }
            default:
                return fault_.set("unknown escape in a string");
        }
    }
    return true;
}

bool JsonReader::read_string(std::string_view& value) {
    if (!take('"')) return wrong_token("a string");
    const std::uint8_t* const start = at_;
    bool escaped = false;
    bool ascii = true;
    for (;;) {
        at_ = find_special(at_, end_);
        if (at_ == end_) return fault_.set("a string ends too early");
        if (*at_ == '"') break;
        if (*at_ < 0x20) return fault_.set("a control byte in a string");
        if (*at_ == '\\') {
            escaped = true;
            if (end_ - at_ < 2) return fault_.set("a string ends too early");
            at_ += 2;
        } else {
            ascii = false;
            ++at_;
        }
    }
    value = text_between(start, at_);
    ++at_;
    if (!ascii && !is_valid_utf8(value)) return fault_.set("not valid UTF-8");
    if (escaped) {
        if (!unescape(value)) return false;
        value = scratch_;
    }
    return true;
}

bool JsonReader::read_base64(Bytes& value) {
    std::string_view text;
    if (!read_string(text)) return false;
    return base64_decode(text, value) || fault_.set("not base64");
}

bool JsonReader::number_token(std::string_view& token, bool& whole) {
    skip_space();
    const std::uint8_t* const start = at_;
    const std::uint8_t* p = at_;
    const auto digits = [&] {
        const std::uint8_t* const from = p;
        while (p != end_ && is_digit(*p))
            ++p;
        return p != from;
    };
    if (p != end_ && *p == '-') ++p;
    if (p == end_ || !is_digit(*p)) return wrong_token("a number");
    if (*p == '0') {
        ++p;
        if (p != end_ && is_digit(*p)) return fault_.set("a number with a leading zero");
    } else {
        digits();
    }
    whole = true;
    if (p != end_ && *p == '.') {
        whole = false;
        ++p;
        if (!digits()) return fault_.set("a number without digits after its point");
    }
    if (p != end_ && (*p == 'e' || *p == 'E')) {
        whole = false;
        ++p;
        if (p != end_ && (*p == '+' || *p == '-')) ++p;
        if (!digits()) return fault_.set("a number without digits in its exponent");
    }
    at_ = p;
    token = text_between(start, p);
    return true;
}

bool JsonReader::read_uint(std::uint64_t max, std::uint64_t& value) {
    std::string_view token;
    bool whole = false;
    if (!number_token(token, whole)) return false;
    if (!whole) return fault_.set(fmt::format("{} is not a whole number", shown(token)));
    if (token.starts_with('-')) return fault_.set(fmt::format("{} is below 0", shown(token)));
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error != std::errc{} || value > max) return fault_.set(fmt::format("{} is over {}", shown(token), max));
    return true;
}

bool JsonReader::read_int(std::int64_t min, std::int64_t max, std::int64_t& value) {
    std::string_view token;
    bool whole = false;
    if (!number_token(token, whole)) return false;
    if (!whole) return fault_.set(fmt::format("{} is not a whole number", shown(token)));
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error != std::errc{} || value < min || value > max) {
        return fault_.set(fmt::format("{} is outside {} to {}", shown(token), min, max));
    }
    return true;
}

bool JsonReader::read_double(double& value) {
    std::string_view token;
    bool whole = false;
    if (!number_token(token, whole)) return false;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error == std::errc{}) return true;
    if (!is_below_one(token)) return fault_.set(fmt::format("{} is too large for a double", shown(token)));
    value = token.starts_with('-') ? -0.0 : 0.0;
    return true;
}

bool JsonReader::skip_literal() {
    bool ignored = false;
    if (take_null()) return true;
    if (at_ != end_ && (*at_ == 't' || *at_ == 'f')) return read_bool(ignored);
    std::string_view token;
    return number_token(token, ignored);
}

bool JsonReader::skip_list() {
    if (!open('[')) return false;
    if (take(']')) return left_empty();
    for (bool closed = false; !closed;) {
        if (!skip_value() || !next_or_close(']', closed)) return false;
    }
    return true;
}

bool JsonReader::skip_object() {
    if (!open('{')) return false;
    if (take('}')) return left_empty();
    for (bool closed = false; !closed;) {
        std::string_view key;
        if (!read_key(key) || !skip_value() || !next_or_close('}', closed)) return false;
    }
    return true;
}

bool JsonReader::skip_value() {
    skip_space();
    if (at_ == end_) return fault_.set("ends too early");
    std::string_view ignored;
    switch (*at_) {
        case '{':
            return skip_object();
        case '[':
            return skip_list();
        case '"':
            return read_string(ignored);
        default:
            return skip_literal();
    }
}

bool JsonReader::expect_end() {
    skip_space();
    return at_ == end_ || fault_.set("more bytes after the end of the message");
}

}  // namespace ioswarm::proto
