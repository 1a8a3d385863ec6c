// SPDX-License-Identifier: Apache-2.0
#include "core/evm/word.hpp"

#include <algorithm>
#include <span>

namespace ioswarm::evm {
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
Word divide_limbs(std::span<const std::uint64_t> dividend, const Word& divisor,
                  std::span<std::uint64_t> quotient) noexcept {
    const std::size_t divisor_size = significant(divisor.limbs);
    const std::size_t size = significant(dividend);
    Word remainder{0};
    if (size < divisor_size) {
        std::copy_n(dividend.begin(), size, remainder.limbs.begin());
        return remainder;
    }
    const int shift = std::countl_zero(divisor.limbs[divisor_size - 1]);
    std::array<std::uint64_t, 9> row{};
    std::array<std::uint64_t, 4> scaled{};
    const auto shifted = [shift](std::uint64_t high, std::uint64_t low) {
        return shift == 0 ? high : (high << shift) | (low >> (64 - shift));
    };
    for (std::size_t i = divisor_size; i-- > 0;)
        scaled[i] = shifted(divisor.limbs[i], i == 0 ? 0 : divisor.limbs[i - 1]);
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
        remainder.limbs[0] = rest >> shift;
        return remainder;
    }
    divide_normalised(std::span(row).first(size + 1),
                      std::span<const std::uint64_t>(scaled).first(divisor_size), quotient);
    for (std::size_t i = 0; i < divisor_size; ++i) {
        remainder.limbs[i] = shift == 0 ? row[i] : (row[i] >> shift) | (row[i + 1] << (64 - shift));
    }
    if (shift != 0) remainder.limbs[divisor_size - 1] = row[divisor_size - 1] >> shift;
    return remainder;
}

Word negated(const Word& value) noexcept {
    return Word{0} - value;
}

}  // namespace

Word Word::from(const U256& value) {
    Word out;
    U256 rest = value;
    for (std::uint64_t& limb : out.limbs) {
        limb = static_cast<std::uint64_t>(rest & ~std::uint64_t{0});
        rest >>= 64;
    }
    return out;
}

Word Word::from(const Address& address) noexcept {
    return from_big_endian(address.view());
}

Word Word::from_big_endian(BytesView bytes) noexcept {
    std::array<std::uint8_t, 32> padded{};
    const std::size_t count = std::min(bytes.size(), padded.size());
    if (count != 0) std::memcpy(padded.data() + (padded.size() - count), bytes.data(), count);
    return load(padded.data());
}

U256 Word::to_u256() const {
    U256 out = 0;
    for (std::size_t i = limbs.size(); i-- > 0;)
        out = (out << 64) | limbs[i];
    return out;
}

Address Word::to_address() const noexcept {
    std::array<std::uint8_t, 32> bytes;
    store(bytes.data());
    Address out;
    std::memcpy(out.bytes.data(), bytes.data() + 12, out.bytes.size());
    return out;
}

unsigned Word::bit_length() const noexcept {
    const std::size_t count = significant(limbs);
    if (count == 0) return 0;
    return static_cast<unsigned>(64 * count) - static_cast<unsigned>(std::countl_zero(limbs[count - 1]));
}

Word operator*(const Word& a, const Word& b) noexcept {
    Word out{0};
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t carry = 0;
        for (std::size_t j = 0; i + j < 4; ++j) {
            const Wide sum = Wide{a.limbs[i]} * b.limbs[j] + out.limbs[i + j] + carry;
            out.limbs[i + j] = static_cast<std::uint64_t>(sum);
            carry = static_cast<std::uint64_t>(sum >> 64);
        }
    }
    return out;
}

Word operator<<(const Word& value, std::uint64_t bits) noexcept {
    if (bits >= 256) return 0;
    const std::size_t whole = bits / 64;
    const unsigned part = bits % 64;
    Word out{0};
    for (std::size_t i = whole; i < 4; ++i) {
        out.limbs[i] = value.limbs[i - whole] << part;
        if (part != 0 && i > whole) out.limbs[i] |= value.limbs[i - whole - 1] >> (64 - part);
    }
    return out;
}

Word operator>>(const Word& value, std::uint64_t bits) noexcept {
    if (bits >= 256) return 0;
    const std::size_t whole = bits / 64;
    const unsigned part = bits % 64;
    Word out{0};
    for (std::size_t i = 0; i + whole < 4; ++i) {
        out.limbs[i] = value.limbs[i + whole] >> part;
        if (part != 0 && i + whole + 1 < 4) out.limbs[i] |= value.limbs[i + whole + 1] << (64 - part);
    }
    return out;
}

Division divide(const Word& dividend, const Word& divisor) noexcept {
    if (divisor.is_zero()) return {0, 0};
    if (dividend.fits_64_bits() && divisor.fits_64_bits()) {
        return {dividend.low() / divisor.low(), dividend.low() % divisor.low()};
    }
    Division out{0, 0};
    out.remainder = divide_limbs(dividend.limbs, divisor, out.quotient.limbs);
    return out;
}

Word signed_divide(const Word& a, const Word& b) noexcept {
    const Word quotient = divide(a.is_negative() ? negated(a) : a, b.is_negative() ? negated(b) : b).quotient;
    return a.is_negative() != b.is_negative() ? negated(quotient) : quotient;
}

Word signed_remainder(const Word& a, const Word& b) noexcept {
    const Word remainder = divide(a.is_negative() ? negated(a) : a, b.is_negative() ? negated(b) : b).remainder;
    return a.is_negative() ? negated(remainder) : remainder;
}

Word add_mod(const Word& a, const Word& b, const Word& modulus) noexcept {
    if (modulus.is_zero()) return 0;
    const Word sum = a + b;
    const std::array<std::uint64_t, 5> limbs{sum.limbs[0], sum.limbs[1], sum.limbs[2], sum.limbs[3],
                                             sum < a ? 1U : 0U};
    return divide_limbs(limbs, modulus, {});
}

Word mul_mod(const Word& a, const Word& b, const Word& modulus) noexcept {
    if (modulus.is_zero()) return 0;
    std::array<std::uint64_t, 8> product{};
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t carry = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const Wide sum = Wide{a.limbs[i]} * b.limbs[j] + product[i + j] + carry;
            product[i + j] = static_cast<std::uint64_t>(sum);
            carry = static_cast<std::uint64_t>(sum >> 64);
        }
        product[i + 4] = carry;
    }
    return divide_limbs(product, modulus, {});
}

Word power(Word base, const Word& exponent) noexcept {
    Word out = 1;
    const unsigned bits = exponent.bit_length();
    for (unsigned i = 0; i < bits; ++i) {
        if (((exponent.limbs[i / 64] >> (i % 64)) & 1) != 0) out = out * base;
        base = base * base;
    }
    return out;
}

Word sign_extend(const Word& byte_index, const Word& value) noexcept {
    if (!byte_index.fits_64_bits() || byte_index.low() >= 31) return value;
    const std::uint64_t sign = 8 * byte_index.low() + 7;
    const Word above = ~Word{0} << (sign + 1);
    const bool negative = ((value.limbs[sign / 64] >> (sign % 64)) & 1) != 0;
    return negative ? value | above : value & ~above;
}

Word byte_at(const Word& index, const Word& value) noexcept {
    if (!index.fits_64_bits() || index.low() >= 32) return 0;
    const std::uint64_t from_low = 31 - index.low();
    return (value.limbs[from_low / 8] >> (8 * (from_low % 8))) & 0xff;
}

Word shift_left(const Word& bits, const Word& value) noexcept {
    return bits.fits_64_bits() ? value << bits.low() : Word{0};
}

Word shift_right(const Word& bits, const Word& value) noexcept {
    return bits.fits_64_bits() ? value >> bits.low() : Word{0};
}

Word shift_right_signed(const Word& bits, const Word& value) noexcept {
    const Word filled = value.is_negative() ? ~Word{0} : Word{0};
    if (!bits.fits_64_bits() || bits.low() >= 256) return filled;
    if (bits.low() == 0) return value;
    return (value >> bits.low()) | (filled << (256 - bits.low()));
}

}  // namespace ioswarm::evm
