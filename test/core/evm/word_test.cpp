// SPDX-License-Identifier: Apache-2.0
#include "core/evm/word.hpp"

#include <catch2/catch.hpp>

#include "core/base/u512.hpp"
#include "test/support/hard_numbers.hpp"

using namespace ioswarm;
using namespace ioswarm::evm;

namespace {

U256 modulo(const U512& value, const U256& modulus) {
    return to_u256(value % to_u512(modulus));
}

}  // namespace

TEST_CASE("words compute like wide integers") {
    test::HardNumbers numbers;
    for (int i = 0; i < 20'000; ++i) {
        const U256 a = numbers.next();
        const U256 b = numbers.next();
        const U256 m = numbers.next();
        const Word x = Word::from(a);
        const Word y = Word::from(b);
        REQUIRE(x.to_u256() == a);
        REQUIRE((x + y).to_u256() == a + b);
        REQUIRE((x - y).to_u256() == a - b);
        REQUIRE((x * y).to_u256() == a * b);
        REQUIRE((x < y) == (a < b));
        const Division quotient = divide(x, y);
        REQUIRE(quotient.quotient.to_u256() == (b == 0 ? U256(0) : a / b));
        REQUIRE(quotient.remainder.to_u256() == (b == 0 ? U256(0) : a % b));
        if (m == 0) continue;
        REQUIRE(add_mod(x, y, Word::from(m)).to_u256() == modulo(to_u512(a) + to_u512(b), m));
        REQUIRE(mul_mod(x, y, Word::from(m)).to_u256() == modulo(to_u512(a) * to_u512(b), m));
    }
}

TEST_CASE("a division whose guessed digit is too large by one gives the right quotient") {
    // The divisor's lower limbs are all ones, and the first guess of algorithm D ignores them.
    const Word divisor{0, 0x8000000000000000, 0, 1};
    const Word dividend{0x4000000000000000, 0, 0, 0};
    const Division result = divide(dividend, divisor);
    CHECK((result.quotient * divisor + result.remainder).to_u256() == dividend.to_u256());
    CHECK(result.remainder < divisor);
}

TEST_CASE("signed operations follow the EVM at the ends of the range") {
    const Word minimum{0x8000000000000000, 0, 0, 0};
    const Word minus_one = ~Word{0};
    CHECK(signed_divide(minimum, minus_one) == minimum);
    CHECK(signed_remainder(minimum, minus_one) == Word{0});
    CHECK(signed_divide(minus_one, 0) == Word{0});
    CHECK(signed_remainder(Word{0} - 7, 3) == Word{0} - 1);
    CHECK(signed_less(minimum, 0));
    CHECK(shift_right_signed(300, minimum) == minus_one);
    CHECK(shift_right_signed(0, minimum) == minimum);
    CHECK(sign_extend(0, 0x80) == (Word{0} - 0x80));
    CHECK(sign_extend(31, 0x80) == Word{0x80});
    CHECK(byte_at(31, 0xab) == Word{0xab});
    CHECK(byte_at(32, 0xab) == Word{0});
}

TEST_CASE("words are written and read big-endian") {
    const Word word{1, 2, 3, 4};
    CHECK(Word::from(word.to_hash()) == word);
    CHECK(Word::from_big_endian(Bytes{1, 0}) == Word{256});
    CHECK(Word::from(word.to_address()) == (word & (Word{0, 0xffffffff, ~0ULL, ~0ULL})));
}
