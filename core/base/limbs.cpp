// SPDX-License-Identifier: Apache-2.0
#include "core/base/limbs.hpp"

#include <algorithm>
#include <bit>

namespace ioswarm::limb_math {
namespace {

/// The number of limbs up to the highest one that is not zero.
std::size_t significant(std::span<const std::uint64_t> limbs) noexcept {
    std::size_t count = limbs.size();
    while (count != 0 && limbs[count - 1] == 0)
        --count;
    return count;
}

/// floor((2^128 - 1) / divisor) - 2^64, for a divisor whose highest bit is set. It turns a division of two
/// limbs by one into multiplications (Möller and Granlund, "Improved division by invariant integers", IEEE
/// Transactions on Computers, 2011, algorithm 2 and definition 1).
std::uint64_t reciprocal_of(std::uint64_t divisor) noexcept {
    const Wide numerator = (Wide{~divisor} << 64) | ~std::uint64_t{0};
    return static_cast<std::uint64_t>(numerator / divisor);
}

struct Digit {
    std::uint64_t quotient;
    std::uint64_t remainder;
};

/// (high, low) / divisor where high < divisor: algorithm 4 of the same paper.
Digit divide_two_limbs(std::uint64_t high, std::uint64_t low, std::uint64_t divisor,
                       std::uint64_t reciprocal) noexcept {
    const Wide guess = Wide{reciprocal} * high + ((Wide{high} << 64) | low);
    const auto guess_low = static_cast<std::uint64_t>(guess);
    std::uint64_t quotient = static_cast<std::uint64_t>(guess >> 64) + 1;
    std::uint64_t remainder = low - quotient * divisor;
    if (remainder > guess_low) {
        --quotient;
        remainder += divisor;
    }
    if (remainder >= divisor) {
        ++quotient;
        remainder -= divisor;
    }
    return {quotient, remainder};
}

/// row -= quotient * divisor over divisor.size() limbs. Returns the borrow out of the highest limb.
std::uint64_t subtract_multiple(std::uint64_t* row, std::span<const std::uint64_t> divisor,
                                std::uint64_t quotient) noexcept {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < divisor.size(); ++i) {
        const Wide product = Wide{quotient} * divisor[i] + borrow;
        const auto low = static_cast<std::uint64_t>(product);
        borrow = static_cast<std::uint64_t>(product >> 64) + (row[i] < low ? 1 : 0);
        row[i] -= low;
    }
    return borrow;
}

std::uint64_t add_back(std::uint64_t* row, std::span<const std::uint64_t> divisor) noexcept {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < divisor.size(); ++i) {
        const Wide sum = Wide{row[i]} + divisor[i] + carry;
        row[i] = static_cast<std::uint64_t>(sum);
        carry = static_cast<std::uint64_t>(sum >> 64);
    }
    return carry;
}

/// Schoolbook division (Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithm D) of a normalised
/// row by a normalised divisor of at least two limbs. The remainder is left in the low limbs of `row`, which
/// has one limb more than the dividend.
void divide_normalised(std::span<std::uint64_t> row, std::span<const std::uint64_t> divisor,
                       std::span<std::uint64_t> quotient) noexcept {
    const std::uint64_t top = divisor.back();
    const std::uint64_t next = divisor[divisor.size() - 2];
    const std::uint64_t reciprocal = reciprocal_of(top);
    for (std::size_t j = row.size() - divisor.size(); j-- > 0;) {
        const std::uint64_t high = row[j + divisor.size()];
        const std::uint64_t middle = row[j + divisor.size() - 1];
        const std::uint64_t low = row[j + divisor.size() - 2];
        std::uint64_t digit = ~std::uint64_t{0};
        if (high < top) {
            const Digit guess = divide_two_limbs(high, middle, top, reciprocal);
            digit = guess.quotient;
            Wide rest = guess.remainder;
            while ((rest >> 64) == 0 && Wide{digit} * next > ((rest << 64) | low)) {
                --digit;
                rest += top;
            }
        }
        const std::uint64_t borrow = subtract_multiple(&row[j], divisor, digit);
        const bool too_much = high < borrow;
        row[j + divisor.size()] = high - borrow;
        if (too_much) {
            --digit;
            row[j + divisor.size()] += add_back(&row[j], divisor);
        }
        if (j < quotient.size()) quotient[j] = digit;
    }
}

/// Divides a number of up to eight limbs by one of up to four, which must not be zero. Returns the remainder.
/// The low limbs of the quotient are written to `quotient`.
Limbs divide(std::span<const std::uint64_t> dividend, const Limbs& divisor,
             std::span<std::uint64_t> quotient) noexcept {
    const std::size_t divisor_size = significant(divisor);
    const std::size_t size = significant(dividend);
    Limbs remainder{};
    if (size < divisor_size) {
        std::copy_n(dividend.begin(), size, remainder.begin());
        return remainder;
    }
    const int shift = std::countl_zero(divisor[divisor_size - 1]);
    std::array<std::uint64_t, 9> row{};
    std::array<std::uint64_t, 4> scaled{};
    const auto shifted = [shift](std::uint64_t high, std::uint64_t low) {
        return shift == 0 ? high : (high << shift) | (low >> (64 - shift));
    };
    for (std::size_t i = divisor_size; i-- > 0;)
        scaled[i] = shifted(divisor[i], i == 0 ? 0 : divisor[i - 1]);
    row[size] = shift == 0 ? 0 : dividend[size - 1] >> (64 - shift);
    for (std::size_t i = size; i-- > 0;)
        row[i] = shifted(dividend[i], i == 0 ? 0 : dividend[i - 1]);
    if (divisor_size == 1) {
        const std::uint64_t reciprocal = reciprocal_of(scaled[0]);
        std::uint64_t rest = row[size];
        for (std::size_t i = size; i-- > 0;) {
            const Digit digit = divide_two_limbs(rest, row[i], scaled[0], reciprocal);
            if (i < quotient.size()) quotient[i] = digit.quotient;
            rest = digit.remainder;
        }
        remainder[0] = rest >> shift;
        return remainder;
    }
    divide_normalised(std::span(row).first(size + 1),
                      std::span<const std::uint64_t>(scaled).first(divisor_size), quotient);
    for (std::size_t i = 0; i < divisor_size; ++i) {
        remainder[i] = shift == 0 ? row[i] : (row[i] >> shift) | (row[i + 1] << (64 - shift));
    }
    if (shift != 0) remainder[divisor_size - 1] = row[divisor_size - 1] >> shift;
    return remainder;
}

}  // namespace

Limbs product(const Limbs& a, const Limbs& b) noexcept {
    Limbs out{};
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t carry = 0;
        for (std::size_t j = 0; i + j < 4; ++j) {
            const Wide limb = Wide{a[i]} * b[j] + out[i + j] + carry;
            out[i + j] = static_cast<std::uint64_t>(limb);
            carry = static_cast<std::uint64_t>(limb >> 64);
        }
    }
    return out;
}

std::array<std::uint64_t, 8> whole_product(const Limbs& a, const Limbs& b) noexcept {
    std::array<std::uint64_t, 8> out{};
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t carry = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const Wide limb = Wide{a[i]} * b[j] + out[i + j] + carry;
            out[i + j] = static_cast<std::uint64_t>(limb);
            carry = static_cast<std::uint64_t>(limb >> 64);
        }
        out[i + 4] = carry;
    }
    return out;
}

unsigned bit_length(const Limbs& value) noexcept {
    const std::size_t count = significant(value);
    if (count == 0) return 0;
    return static_cast<unsigned>(64 * count) - static_cast<unsigned>(std::countl_zero(value[count - 1]));
}

Division divided(const Limbs& dividend, const Limbs& divisor) noexcept {
    if (fits_64_bits(dividend) && fits_64_bits(divisor))
        return {{dividend[0] / divisor[0]}, {dividend[0] % divisor[0]}};
    Division out{};
    out.remainder = divide(dividend, divisor, out.quotient);
    return out;
}

Limbs remainder(std::span<const std::uint64_t> dividend, const Limbs& divisor) noexcept {
    return divide(dividend, divisor, {});
}

}  // namespace ioswarm::limb_math
