// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/address.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/crypto/keccak.hpp"

namespace ioswarm {
namespace {

// Bech32 (BIP-173): a prefix, '1', the data at 5 bits per character, and a checksum of 6 characters. An address
// has 20 bytes, which are exactly 32 characters, so it needs no padding bits.
constexpr std::string_view kCharset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::string_view kMainPrefix = "io";
constexpr std::string_view kTestPrefix = "it";
constexpr std::size_t kDataSize = 32;
constexpr std::size_t kChecksumSize = 6;
constexpr std::size_t kTextSize = 2 + 1 + kDataSize + kChecksumSize;

constexpr const char* kCannotReadAddress = "cannot read the address";

using Symbols = std::array<std::uint8_t, kDataSize + kChecksumSize>;

std::uint32_t polymod_step(std::uint32_t state, std::uint8_t value) noexcept {
    constexpr std::array<std::uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                                         0x2a1462b3};
    const std::uint32_t top = state >> 25;
    state = (state & 0x1ffffff) << 5 ^ value;
    for (std::size_t i = 0; i < kGenerator.size(); ++i) {
        if ((top >> i & 1) != 0) state ^= kGenerator[i];
    }
    return state;
}

std::uint32_t polymod(std::string_view prefix, const Symbols& symbols) noexcept {
    std::uint32_t state = 1;
    for (const char c : prefix)
        state = polymod_step(state, static_cast<std::uint8_t>(c >> 5));
    state = polymod_step(state, 0);
    for (const char c : prefix)
        state = polymod_step(state, static_cast<std::uint8_t>(c & 31));
    for (const std::uint8_t symbol : symbols)
        state = polymod_step(state, symbol);
    return state;
}

tl::unexpected<Error> refuse_address(std::string_view text, std::string why) {
    return fail(ErrorCode::invalid_argument, kCannotReadAddress, std::string(text.substr(0, 64)),
                std::move(why));
}

bool has_upper(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), is_upper_ascii);
}

bool has_lower(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), is_lower_ascii);
}

Result<Address> parse_bech32(std::string_view text) {
    if (has_upper(text) && has_lower(text))
        return refuse_address(text, "an io1 address does not mix upper and lower case");
    if (text.size() != kTextSize) {
        return refuse_address(text, "an io1 address has 41 characters, not " + std::to_string(text.size()));
    }
    std::string folded(text);
    std::transform(folded.begin(), folded.end(), folded.begin(), to_lower_ascii);
    const std::string_view prefix = std::string_view(folded).substr(0, 2);
    Symbols symbols;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
        const std::size_t value = kCharset.find(folded[3 + i]);
        if (value == std::string_view::npos)
            return refuse_address(text, "a character that Bech32 does not use");
        symbols[i] = static_cast<std::uint8_t>(value);
    }
    if (polymod(prefix, symbols) != 1)
        return refuse_address(text, "the checksum is wrong: look for a typing error");
    Address out;
    std::uint32_t buffer = 0;
    unsigned bits = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < kDataSize; ++i) {
        buffer = (buffer << 5 | symbols[i]) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out.bytes[at++] = static_cast<std::uint8_t>(buffer >> bits);
        }
    }
    return out;
}

Result<Address> parse_hex(std::string_view text) {
    const std::string_view digits = text.substr(2);
    if (digits.size() != 2 * Address::kSize) {
        return refuse_address(text, "an 0x address has 40 hex digits, not " + std::to_string(digits.size()));
    }
    const auto address = fixed_from_hex<Address>(digits);
    if (!address) return refuse_address(text, "a character that is not a hex digit");
    if (has_upper(digits) && has_lower(digits) && to_checksum_hex(*address) != text) {
        return refuse_address(
            text, "the EIP-55 case is wrong: look for a typing error, or write it all in lower case");
    }
    return *address;
}

}  // namespace

std::string to_io(const Address& address) {
    Symbols symbols{};
    std::uint32_t buffer = 0;
    unsigned bits = 0;
    std::size_t at = 0;
    for (const std::uint8_t byte : address.bytes) {
        buffer = (buffer << 8 | byte) & 0xfff;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            symbols[at++] = static_cast<std::uint8_t>(buffer >> bits & 31);
        }
    }
    const std::uint32_t checksum = polymod(kMainPrefix, symbols) ^ 1;
    for (std::size_t i = 0; i < kChecksumSize; ++i) {
        symbols[kDataSize + i] = static_cast<std::uint8_t>(checksum >> 5 * (kChecksumSize - 1 - i) & 31);
    }
    std::string out(kMainPrefix);
    out += '1';
    for (const std::uint8_t symbol : symbols)
        out += kCharset[symbol];
    return out;
}

std::string to_checksum_hex(const Address& address) {
    std::string out = to_hex0x(address.view());
    const Hash256 hash = keccak256(as_bytes(std::string_view(out).substr(2)));
    for (std::size_t i = 0; i < 2 * Address::kSize; ++i) {
        const unsigned nibble = hash.bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
        char& c = out[2 + i];
        if (nibble >= 8 && c >= 'a') c = static_cast<char>(c - 'a' + 'A');
    }
    return out;
}

Result<Address> parse_address(std::string_view text) {
    if (text.starts_with("0x")) return parse_hex(text);
    if (text.size() > 2 && text[2] == '1') {
        const std::array<char, 2> prefix = {to_lower_ascii(text[0]), to_lower_ascii(text[1])};
        const std::string_view folded(prefix.data(), prefix.size());
        if (folded == kMainPrefix || folded == kTestPrefix) return parse_bech32(text);
    }
    return refuse_address(text, "it starts neither with io1 nor with 0x");
}

}  // namespace ioswarm
