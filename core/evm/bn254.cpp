// SPDX-License-Identifier: Apache-2.0
#include "core/evm/bn254.hpp"

#include "core/evm/word.hpp"

namespace ioswarm::evm {
namespace {

/// The prime of EIP-196: 21888242871839275222246405745257275088696311157297823662689037894645226208583.
constexpr Word kPrime{0x30644e72e131a029, 0xb85045b68181585d, 0x97816a916871ca8d, 0x3c208c16d87cfd47};

/// -1 / prime modulo 2^64, by Newton's iteration: each step doubles the number of correct bits.
constexpr std::uint64_t inverse_of_low_limb() {
    std::uint64_t inverse = 1;
    for (int i = 0; i < 6; ++i)
        inverse *= 2 - kPrime.limbs[0] * inverse;
    return ~inverse + 1;
}
constexpr std::uint64_t kMontgomery = inverse_of_low_limb();

Word reduced(const Word& value) noexcept {
    return value < kPrime ? value : value - kPrime;
}

Word add(const Word& a, const Word& b) noexcept {
    return reduced(a + b);  // no carry: the prime has 254 bits
}

Word subtract(const Word& a, const Word& b) noexcept {
    return a < b ? a + kPrime - b : a - b;
}

/// a * b / 2^256 modulo the prime (P. Montgomery, "Modular multiplication without trial division", 1985), one
/// limb of `b` at a time.
Word multiply(const Word& a, const Word& b) noexcept {
    std::array<std::uint64_t, 6> t{};
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t carry = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const Wide sum = Wide{a.limbs[j]} * b.limbs[i] + t[j] + carry;
            t[j] = static_cast<std::uint64_t>(sum);
            carry = static_cast<std::uint64_t>(sum >> 64);
        }
        const Wide top = Wide{t[4]} + carry;
        t[4] = static_cast<std::uint64_t>(top);
        t[5] = static_cast<std::uint64_t>(top >> 64);
        const std::uint64_t factor = t[0] * kMontgomery;
        carry = static_cast<std::uint64_t>((Wide{factor} * kPrime.limbs[0] + t[0]) >> 64);
        for (std::size_t j = 1; j < 4; ++j) {
            const Wide sum = Wide{factor} * kPrime.limbs[j] + t[j] + carry;
            t[j - 1] = static_cast<std::uint64_t>(sum);
            carry = static_cast<std::uint64_t>(sum >> 64);
        }
        const Wide last = Wide{t[4]} + carry;
        t[3] = static_cast<std::uint64_t>(last);
        t[4] = t[5] + static_cast<std::uint64_t>(last >> 64);
    }
    return reduced(Word{t[3], t[2], t[1], t[0]});
}

Word square(const Word& a) noexcept {
    return multiply(a, a);
}

/// 2^512 modulo the prime: multiply(x, this) brings x into Montgomery form.
const Word& into_factor() {
    static const Word made = [] {
        const Word radix = divide(~Word{0}, kPrime).remainder + 1;  // 2^256 modulo the prime
        return mul_mod(radix, radix, kPrime);
    }();
    return made;
}

Word into(const Word& value) noexcept {
    return multiply(value, into_factor());
}
Word out_of(const Word& value) noexcept {
    return multiply(value, 1);
}

/// The inverse by Fermat's little theorem; 0 gives 0.
Word inverse(const Word& value) noexcept {
    const Word exponent = kPrime - 2;
    Word result = into(1);
    for (unsigned bit = 254; bit-- > 0;) {
        result = square(result);
        if (((exponent.limbs[bit / 64] >> (bit % 64)) & 1) != 0) result = multiply(result, value);
    }
    return result;
}

/// A point in Jacobian coordinates in Montgomery form: (x / z², y / z³). z = 0 is the point at infinity.
struct Point {
    Word x = 0;
    Word y = 0;
    Word z = 0;
};

/// "dbl-2009-l" of the Explicit-Formulas Database (hyperelliptic.org/EFD), for curves with a = 0.
Point twice(const Point& p) noexcept {
    const Word a = square(p.x);
    const Word b = square(p.y);
    const Word c = square(b);
    const Word half = subtract(subtract(square(add(p.x, b)), a), c);
    const Word d = add(half, half);
    const Word e = add(add(a, a), a);
    Point out;
    out.x = subtract(square(e), add(d, d));
    const Word c2 = add(c, c);
    const Word c4 = add(c2, c2);
    out.y = subtract(multiply(e, subtract(d, out.x)), add(c4, c4));
    const Word yz = multiply(p.y, p.z);
    out.z = add(yz, yz);
    return out;
}

/// "add-1998-cmo-2" from the same database, plus the special cases that it leaves out.
Point sum(const Point& p, const Point& q) noexcept {
    if (p.z.is_zero()) return q;
    if (q.z.is_zero()) return p;
    const Word z1z1 = square(p.z);
    const Word z2z2 = square(q.z);
    const Word u1 = multiply(p.x, z2z2);
    const Word u2 = multiply(q.x, z1z1);
    const Word s1 = multiply(multiply(p.y, q.z), z2z2);
    const Word s2 = multiply(multiply(q.y, p.z), z1z1);
    const Word h = subtract(u2, u1);
    const Word r = subtract(s2, s1);
    if (h.is_zero()) return r.is_zero() ? twice(p) : Point{};
    const Word hh = square(h);
    const Word hhh = multiply(h, hh);
    const Word v = multiply(u1, hh);
    Point out;
    out.x = subtract(subtract(square(r), hhh), add(v, v));
    out.y = subtract(multiply(r, subtract(v, out.x)), multiply(s1, hhh));
    out.z = multiply(multiply(p.z, q.z), h);
    return out;
}

std::optional<Point> read(const CurvePoint& bytes) {
    const Word x = Word::load(bytes.data());
    const Word y = Word::load(bytes.data() + 32);
    if (!(x < kPrime) || !(y < kPrime)) return std::nullopt;
    if (x.is_zero() && y.is_zero()) return Point{};
    const Point point{into(x), into(y), into(1)};
    const Word right = add(multiply(square(point.x), point.x), into(3));
    if (!(square(point.y) == right)) return std::nullopt;
    return point;
}

CurvePoint write(const Point& point) {
    CurvePoint out{};
    if (point.z.is_zero()) return out;
    const Word z = inverse(point.z);
    const Word zz = square(z);
    out_of(multiply(point.x, zz)).store(out.data());
    out_of(multiply(point.y, multiply(zz, z))).store(out.data() + 32);
    return out;
}

}  // namespace

std::optional<CurvePoint> bn254_add(const CurvePoint& a, const CurvePoint& b) {
    const auto p = read(a);
    const auto q = read(b);
    if (!p || !q) return std::nullopt;
    return write(sum(*p, *q));
}

std::optional<CurvePoint> bn254_multiply(const CurvePoint& point, const Hash256& scalar) {
    const auto base = read(point);
    if (!base) return std::nullopt;
    // Take four bits at a time: make 15 multiples of the point, then add 64 times.
    std::array<Point, 16> multiples;
    for (std::size_t i = 1; i < multiples.size(); ++i)
        multiples[i] = sum(multiples[i - 1], *base);
    Point result;
    for (const std::uint8_t byte : scalar.bytes) {
        for (const unsigned digit : {unsigned{byte} >> 4U, unsigned{byte} & 15U}) {
            for (int i = 0; i < 4; ++i)
                result = twice(result);
            result = sum(result, multiples[digit]);
        }
    }
    return write(result);
}

}  // namespace ioswarm::evm
