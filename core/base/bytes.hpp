// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ioswarm {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

/// N bytes with one meaning. `Tag` makes types of equal size distinct, so that an address cannot be passed
/// where another 20-byte value is expected.
template <std::size_t N, typename Tag>
struct FixedBytes {
    static constexpr std::size_t kSize = N;
    std::array<std::uint8_t, N> bytes{};

    auto operator<=>(const FixedBytes&) const = default;  // NOLINT(modernize-use-nullptr): generated code
    [[nodiscard]] BytesView view() const noexcept { return bytes; }
    [[nodiscard]] bool is_zero() const noexcept { return *this == FixedBytes{}; }

    /// Empty unless `in` is exactly N bytes long.
    [[nodiscard]] static std::optional<FixedBytes> from(BytesView in) noexcept {
        if (in.size() != N) return std::nullopt;
        FixedBytes out;
        std::memcpy(out.bytes.data(), in.data(), N);
        return out;
    }
};

/// An account's address: the last 20 bytes of keccak256(public key).
using Address = FixedBytes<20, struct AddressTag>;
/// A 32-byte hash. All hashes on IoTeX are keccak256.
using Hash256 = FixedBytes<32, struct Hash256Tag>;

/// The random key of FixedBytesHash, drawn once per process.
struct HashKey {
    std::uint64_t start = 0;
    std::uint64_t factor = 0;
};
[[nodiscard]] const HashKey& hash_key() noexcept;

/// A hash function for unordered containers. It covers all bytes and is keyed with this process's random key:
/// the senders of actions choose these bytes and must not be able to make many of them fall into one bucket.
/// Hash values, and so the iteration order of such containers, differ between runs.
struct FixedBytesHash {
    template <std::size_t N, typename Tag>
    std::size_t operator()(const FixedBytes<N, Tag>& value) const noexcept {
        static_assert(N >= sizeof(std::uint64_t));
        const HashKey& key = hash_key();
        std::uint64_t out = key.start;
        for (std::size_t at = 0; at + sizeof out <= N; at += sizeof out)
            out = fold(out ^ word_at(value.bytes.data() + at), key.factor);
        if constexpr (N % sizeof out != 0) {
            out = fold(out ^ word_at(value.bytes.data() + N - sizeof out), key.factor);
        }
        return out;
    }

  private:
    [[nodiscard]] static std::uint64_t word_at(const std::uint8_t* bytes) noexcept {
        std::uint64_t out = 0;
        std::memcpy(&out, bytes, sizeof out);
        return out;
    }
    /// Multiplies to 128 bits and combines both halves of the product.
    [[nodiscard]] static std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = Wide{a} * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
};

/// The next two reinterpret memory without copying it. The view is valid as long as the argument's memory.
[[nodiscard]] inline BytesView as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(BytesView bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline Bytes to_bytes(BytesView view) {
    return {view.begin(), view.end()};
}

/// Lower-case, without a prefix.
[[nodiscard]] std::string to_hex(BytesView bytes);
/// Lower-case, with "0x".
[[nodiscard]] std::string to_hex0x(BytesView bytes);
/// Accepts either case, with or without "0x". Empty if the length is odd or any other character occurs.
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);

/// from_hex() for a FixedBytes type. Empty also when the number of bytes is not Fixed::kSize.
template <typename Fixed>
[[nodiscard]] std::optional<Fixed> fixed_from_hex(std::string_view text) {
    const auto bytes = from_hex(text);
    return bytes ? Fixed::from(*bytes) : std::nullopt;
}

/// Standard alphabet with padding (RFC 4648 section 4), as Go's encoding/json writes []byte.
[[nodiscard]] std::string to_base64(BytesView bytes);
/// Strict: requires the padding, and refuses white space and non-zero unused bits.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

}  // namespace ioswarm
