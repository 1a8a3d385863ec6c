// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <concepts>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/limbs.hpp"

namespace ioswarm {

/// A 256-bit unsigned integer. It wraps modulo 2^256, as in the EVM. Amounts of money (rau) are U256. Sums of
/// money are either computed in U512 (core/base/u512.hpp) or proven to fit.
///
/// It is our own type, because Boost's header takes more than a second to compile and half of the program
/// handles money. A test compares the two.
class U256 {
  public:
    constexpr U256() = default;
    /// A negative number wraps: U256(-1) is 2^256-1.
    template <std::integral T>
    constexpr U256(T value) noexcept {  // NOLINT: implicit, so that `amount + 1` works
        limbs_[0] = static_cast<std::uint64_t>(value);
        if constexpr (std::signed_integral<T>) {
            if (value < 0) limbs_[1] = limbs_[2] = limbs_[3] = ~std::uint64_t{0};
        }
    }
    explicit constexpr U256(const limb_math::Limbs& limbs) noexcept : limbs_(limbs) {}

    [[nodiscard]] constexpr const limb_math::Limbs& limbs() const noexcept { return limbs_; }

    /// The lowest bits, like a conversion between built-in unsigned types.
    template <std::integral T>
    explicit constexpr operator T() const noexcept {
        return static_cast<T>(limbs_[0]);
    }
    explicit constexpr operator bool() const noexcept { return !limb_math::is_zero(limbs_); }
    /// The nearest double.
    explicit operator double() const noexcept;

    friend constexpr bool operator==(const U256&, const U256&) noexcept = default;
    friend constexpr std::strong_ordering operator<=>(const U256& a, const U256& b) noexcept {
        if (a == b) return std::strong_ordering::equal;
        return limb_math::less(a.limbs_, b.limbs_) ? std::strong_ordering::less : std::strong_ordering::greater;
    }

    friend constexpr U256 operator+(const U256& a, const U256& b) noexcept {
        return U256(limb_math::sum(a.limbs_, b.limbs_));
    }
    friend constexpr U256 operator-(const U256& a, const U256& b) noexcept {
        return U256(limb_math::difference(a.limbs_, b.limbs_));
    }
    friend U256 operator*(const U256& a, const U256& b) noexcept {
        return U256(limb_math::product(a.limbs_, b.limbs_));
    }
    /// / and % throw std::domain_error when `b` is 0. Callers check `b` first, so the exception means a bug.
    friend U256 operator/(const U256& a, const U256& b) { return U256(divided(a, b).quotient); }
    friend U256 operator%(const U256& a, const U256& b) { return U256(divided(a, b).remainder); }

    friend constexpr U256 operator&(const U256& a, const U256& b) noexcept {
        return U256({a.limbs_[0] & b.limbs_[0], a.limbs_[1] & b.limbs_[1], a.limbs_[2] & b.limbs_[2],
                     a.limbs_[3] & b.limbs_[3]});
    }
    friend constexpr U256 operator|(const U256& a, const U256& b) noexcept {
        return U256({a.limbs_[0] | b.limbs_[0], a.limbs_[1] | b.limbs_[1], a.limbs_[2] | b.limbs_[2],
                     a.limbs_[3] | b.limbs_[3]});
    }
    friend constexpr U256 operator~(const U256& a) noexcept {
        return U256({~a.limbs_[0], ~a.limbs_[1], ~a.limbs_[2], ~a.limbs_[3]});
    }
    /// A shift by 256 or more gives 0.
    friend constexpr U256 operator<<(const U256& a, unsigned bits) noexcept {
        return U256(limb_math::shifted_left(a.limbs_, bits));
    }
    friend constexpr U256 operator>>(const U256& a, unsigned bits) noexcept {
        return U256(limb_math::shifted_right(a.limbs_, bits));
    }

    U256& operator+=(const U256& other) noexcept { return *this = *this + other; }
    U256& operator-=(const U256& other) noexcept { return *this = *this - other; }
    U256& operator*=(const U256& other) noexcept { return *this = *this * other; }
    U256& operator/=(const U256& other) { return *this = *this / other; }
    U256& operator++() noexcept { return *this += 1; }
    U256& operator--() noexcept { return *this -= 1; }

  private:
    static limb_math::Division divided(const U256& a, const U256& b);

    limb_math::Limbs limbs_{};
};

/// Accepts 1 to 78 digits and no sign. Nothing for any other text, and for numbers above 2^256-1.
[[nodiscard]] std::optional<U256> u256_from_decimal(std::string_view text);
[[nodiscard]] std::string to_decimal(const U256& value);
/// Writes to_decimal(value).
std::ostream& operator<<(std::ostream& out, const U256& value);
/// Reads big-endian bytes. No bytes are 0. Nothing for more than 32 bytes.
[[nodiscard]] std::optional<U256> u256_from_big_endian(BytesView bytes);
/// Big-endian without leading zeros; empty for 0. RLP encodes numbers this way.
[[nodiscard]] Bytes to_big_endian(const U256& value);
/// Big-endian, always 32 bytes.
[[nodiscard]] Hash256 to_word(const U256& value);
/// Reads a JSON-RPC quantity: "0x" or "0X" and 1 to 64 hex digits. Leading zeros are accepted. Nothing for any
/// other text.
[[nodiscard]] std::optional<U256> u256_from_quantity(std::string_view text);
/// "0x" and hex digits without leading zeros; "0x0" for 0.
[[nodiscard]] std::string to_quantity(const U256& value);

}  // namespace ioswarm
