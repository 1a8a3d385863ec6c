// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>

#include "core/base/bytes.hpp"
#include "core/base/limbs.hpp"
#include "core/base/u256.hpp"

namespace ioswarm::evm {

using limb_math::Wide;

/// A 256-bit word of the virtual machine: four 64-bit limbs, the least significant first. Every operation wraps
/// modulo 2^256. A default-initialised word has no defined value, so that making a stack of words costs
/// nothing; `Word{}` is zero.
///
/// The interpreter computes with this type. Outside of it numbers are U256 (core/base/u256.hpp); to_u256() and
/// Word::from() convert.
struct Word {
    limb_math::Limbs limbs;

    Word() = default;
    constexpr Word(std::uint64_t low) : limbs{low, 0, 0, 0} {}  // NOLINT: a number is a word
    constexpr Word(std::uint64_t l3, std::uint64_t l2, std::uint64_t l1, std::uint64_t l0)
        : limbs{l0, l1, l2, l3} {}
    explicit constexpr Word(const limb_math::Limbs& value) : limbs(value) {}

    [[nodiscard]] static Word from(const U256& value) noexcept { return Word(value.limbs()); }
    [[nodiscard]] static Word from(const Address& address) noexcept;
    [[nodiscard]] static Word from(const Hash256& hash) noexcept { return load(hash.bytes.data()); }
    /// Reads at most 32 bytes, big-endian.
    [[nodiscard]] static Word from_big_endian(BytesView bytes) noexcept;
    /// Reads exactly 32 bytes, big-endian.
    [[nodiscard]] static Word load(const std::uint8_t* bytes) noexcept { return Word(limb_math::load(bytes)); }
    /// Writes 32 bytes, big-endian.
    void store(std::uint8_t* bytes) const noexcept { limb_math::store(limbs, bytes); }

    [[nodiscard]] U256 to_u256() const noexcept { return U256(limbs); }
    [[nodiscard]] Hash256 to_hash() const noexcept {
        Hash256 out;
        store(out.bytes.data());
        return out;
    }
    /// The last 20 bytes.
    [[nodiscard]] Address to_address() const noexcept;

    [[nodiscard]] constexpr bool is_zero() const noexcept { return limb_math::is_zero(limbs); }
    [[nodiscard]] constexpr bool fits_64_bits() const noexcept { return limb_math::fits_64_bits(limbs); }
    [[nodiscard]] constexpr std::uint64_t low() const noexcept { return limbs[0]; }
    [[nodiscard]] constexpr bool is_negative() const noexcept { return (limbs[3] >> 63) != 0; }
    /// Position of the highest bit plus one; 0 for 0.
    [[nodiscard]] unsigned bit_length() const noexcept { return limb_math::bit_length(limbs); }

    constexpr bool operator==(const Word&) const = default;
};

[[nodiscard]] inline Word operator+(const Word& a, const Word& b) noexcept {
    return Word(limb_math::sum(a.limbs, b.limbs));
}
[[nodiscard]] inline Word operator-(const Word& a, const Word& b) noexcept {
    return Word(limb_math::difference(a.limbs, b.limbs));
}
[[nodiscard]] inline bool operator<(const Word& a, const Word& b) noexcept {
    return limb_math::less(a.limbs, b.limbs);
}
[[nodiscard]] inline bool operator>(const Word& a, const Word& b) noexcept {
    return b < a;
}
[[nodiscard]] inline Word operator&(const Word& a, const Word& b) noexcept {
    return {a.limbs[3] & b.limbs[3], a.limbs[2] & b.limbs[2], a.limbs[1] & b.limbs[1], a.limbs[0] & b.limbs[0]};
}
[[nodiscard]] inline Word operator|(const Word& a, const Word& b) noexcept {
    return {a.limbs[3] | b.limbs[3], a.limbs[2] | b.limbs[2], a.limbs[1] | b.limbs[1], a.limbs[0] | b.limbs[0]};
}
[[nodiscard]] inline Word operator^(const Word& a, const Word& b) noexcept {
    return {a.limbs[3] ^ b.limbs[3], a.limbs[2] ^ b.limbs[2], a.limbs[1] ^ b.limbs[1], a.limbs[0] ^ b.limbs[0]};
}
[[nodiscard]] inline Word operator~(const Word& a) noexcept {
    return {~a.limbs[3], ~a.limbs[2], ~a.limbs[1], ~a.limbs[0]};
}
[[nodiscard]] inline Word operator*(const Word& a, const Word& b) noexcept {
    return Word(limb_math::product(a.limbs, b.limbs));
}
/// A shift by 256 or more gives zero.
[[nodiscard]] inline Word operator<<(const Word& value, std::uint64_t bits) noexcept {
    return Word(limb_math::shifted_left(value.limbs, bits));
}
[[nodiscard]] inline Word operator>>(const Word& value, std::uint64_t bits) noexcept {
    return Word(limb_math::shifted_right(value.limbs, bits));
}

/// Division by 0 gives 0 for both, as in the EVM.
struct Division {
    Word quotient;
    Word remainder;
};
[[nodiscard]] Division divide(const Word& dividend, const Word& divisor) noexcept;

/// The EVM's operations of the same names. A divisor or modulus of 0 gives 0.
[[nodiscard]] Word signed_divide(const Word& a, const Word& b) noexcept;
[[nodiscard]] Word signed_remainder(const Word& a, const Word& b) noexcept;
[[nodiscard]] Word add_mod(const Word& a, const Word& b, const Word& modulus) noexcept;
[[nodiscard]] Word mul_mod(const Word& a, const Word& b, const Word& modulus) noexcept;
[[nodiscard]] Word power(Word base, const Word& exponent) noexcept;
[[nodiscard]] Word sign_extend(const Word& byte_index, const Word& value) noexcept;
[[nodiscard]] Word byte_at(const Word& index, const Word& value) noexcept;
[[nodiscard]] Word shift_left(const Word& bits, const Word& value) noexcept;
[[nodiscard]] Word shift_right(const Word& bits, const Word& value) noexcept;
[[nodiscard]] Word shift_right_signed(const Word& bits, const Word& value) noexcept;
[[nodiscard]] inline bool signed_less(const Word& a, const Word& b) noexcept {
    return a.is_negative() != b.is_negative() ? a.is_negative() : a < b;
}

/// Hash for unordered containers. It mixes all bits with this process's key (see FixedBytesHash).
struct WordHash {
    std::size_t operator()(const Word& word) const noexcept {
        const HashKey& key = hash_key();
        std::uint64_t out = key.start;
        for (const std::uint64_t limb : word.limbs) {
            const Wide product = Wide{out ^ limb} * key.factor;
            out = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
        }
        return out;
    }
};

}  // namespace ioswarm::evm
