// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

/// The arithmetic that U256 (core/base/u256.hpp) and the words of the virtual machine (core/evm/word.hpp)
/// share. Sums, differences and product() wrap modulo 2^256.
namespace ioswarm::limb_math {

__extension__ using Wide = unsigned __int128;

/// A 256-bit number: four 64-bit limbs, the least significant first.
using Limbs = std::array<std::uint64_t, 4>;

[[nodiscard]] constexpr Limbs sum(const Limbs& a, const Limbs& b) noexcept {
    Limbs out{};
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const Wide limb = Wide{a[i]} + b[i] + carry;
        out[i] = static_cast<std::uint64_t>(limb);
        carry = static_cast<std::uint64_t>(limb >> 64);
    }
    return out;
}

[[nodiscard]] constexpr Limbs difference(const Limbs& a, const Limbs& b) noexcept {
    Limbs out{};
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const Wide limb = Wide{a[i]} - b[i] - borrow;
        out[i] = static_cast<std::uint64_t>(limb);
        borrow = static_cast<std::uint64_t>(limb >> 64) & 1;
    }
    return out;
}

[[nodiscard]] constexpr bool less(const Limbs& a, const Limbs& b) noexcept {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const Wide limb = Wide{a[i]} - b[i] - borrow;
        borrow = static_cast<std::uint64_t>(limb >> 64) & 1;
    }
    return borrow != 0;
}

[[nodiscard]] constexpr bool is_zero(const Limbs& value) noexcept {
    return (value[0] | value[1] | value[2] | value[3]) == 0;
}
[[nodiscard]] constexpr bool fits_64_bits(const Limbs& value) noexcept {
    return (value[1] | value[2] | value[3]) == 0;
}

[[nodiscard]] Limbs product(const Limbs& a, const Limbs& b) noexcept;
/// All 512 bits of the product.
[[nodiscard]] std::array<std::uint64_t, 8> whole_product(const Limbs& a, const Limbs& b) noexcept;
/// A shift by 256 or more gives zero.
[[nodiscard]] constexpr Limbs shifted_left(const Limbs& value, std::uint64_t bits) noexcept {
    Limbs out{};
    if (bits >= 256) return out;
    const std::size_t whole = bits / 64;
    const unsigned part = bits % 64;
    for (std::size_t i = whole; i < 4; ++i) {
        out[i] = value[i - whole] << part;
        if (part != 0 && i > whole) out[i] |= value[i - whole - 1] >> (64 - part);
    }
    return out;
}

[[nodiscard]] constexpr Limbs shifted_right(const Limbs& value, std::uint64_t bits) noexcept {
    Limbs out{};
    if (bits >= 256) return out;
    const std::size_t whole = bits / 64;
    const unsigned part = bits % 64;
    for (std::size_t i = 0; i + whole < 4; ++i) {
        out[i] = value[i + whole] >> part;
        if (part != 0 && i + whole + 1 < 4) out[i] |= value[i + whole + 1] << (64 - part);
    }
    return out;
}
/// Position of the highest bit plus one; 0 for 0.
[[nodiscard]] unsigned bit_length(const Limbs& value) noexcept;

struct Division {
    Limbs quotient;
    Limbs remainder;
};
/// The divisor must not be 0.
[[nodiscard]] Division divided(const Limbs& dividend, const Limbs& divisor) noexcept;
/// The remainder of a dividend of up to eight limbs. The divisor must not be 0.
[[nodiscard]] Limbs remainder(std::span<const std::uint64_t> dividend, const Limbs& divisor) noexcept;

/// Reads exactly 32 bytes, big-endian.
[[nodiscard]] inline Limbs load(const std::uint8_t* bytes) noexcept {
    Limbs out;
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t limb = 0;
        std::memcpy(&limb, bytes + 8 * i, sizeof limb);
        out[3 - i] = __builtin_bswap64(limb);
    }
    return out;
}

/// Writes 32 bytes, big-endian.
inline void store(const Limbs& value, std::uint8_t* bytes) noexcept {
    for (std::size_t i = 0; i < 4; ++i) {
        const std::uint64_t limb = __builtin_bswap64(value[3 - i]);
        std::memcpy(bytes + 8 * i, &limb, sizeof limb);
    }
}

}  // namespace ioswarm::limb_math
