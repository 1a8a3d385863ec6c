// SPDX-License-Identifier: Apache-2.0
#include "core/evm/word.hpp"

#include <algorithm>

namespace ioswarm::evm {
namespace {

Word negated(const Word& value) noexcept {
    return Word{0} - value;
}

}  // namespace

Word Word::from(const Address& address) noexcept {
    return from_big_endian(address.view());
}

Word Word::from_big_endian(BytesView bytes) noexcept {
    std::array<std::uint8_t, 32> padded{};
    const std::size_t count = std::min(bytes.size(), padded.size());
    if (count != 0) std::memcpy(padded.data() + (padded.size() - count), bytes.data(), count);
    return load(padded.data());
}

Address Word::to_address() const noexcept {
    std::array<std::uint8_t, 32> bytes;
    store(bytes.data());
    Address out;
    std::memcpy(out.bytes.data(), bytes.data() + 12, out.bytes.size());
    return out;
}

Division divide(const Word& dividend, const Word& divisor) noexcept {
    if (divisor.is_zero()) return {0, 0};
    const limb_math::Division out = limb_math::divided(dividend.limbs, divisor.limbs);
    return {Word(out.quotient), Word(out.remainder)};
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
    const std::array<std::uint64_t, 5> all{sum.limbs[0], sum.limbs[1], sum.limbs[2], sum.limbs[3],
                                           sum < a ? 1U : 0U};
    return Word(limb_math::remainder(all, modulus.limbs));
}

Word mul_mod(const Word& a, const Word& b, const Word& modulus) noexcept {
    if (modulus.is_zero()) return 0;
    return Word(limb_math::remainder(limb_math::whole_product(a.limbs, b.limbs), modulus.limbs));
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
