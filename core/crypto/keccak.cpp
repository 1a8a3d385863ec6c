// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/keccak.hpp"

#include <algorithm>
#include <bit>

// Keccak-f[1600] (https://keccak.team/keccak_specs_summary.html). The lanes are held as they lie in a
// little-endian machine's memory. Each round is written out in full: with constant indices both compilers keep
// most of the lanes in registers, which they do not at -O2 for a loop over (x, y) with tables. The same source
// is compiled a second time for processors with BMI and BMI2 (every x86 server since 2013). There, one
// instruction does "and not" and rotations keep their operand, which saves a quarter of the time.

static_assert(std::endian::native == std::endian::little, "lanes are absorbed as little-endian words");

namespace ioswarm {
namespace {

using Lanes = std::array<std::uint64_t, 25>;

constexpr std::array<std::uint64_t, 24> kRoundConstants = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

#define IOSWARM_INTO_ITS_CALLER [[gnu::always_inline]] inline

/// One row of the chi step.
IOSWARM_INTO_ITS_CALLER void chi(Lanes& a, std::size_t row, std::uint64_t b0, std::uint64_t b1,
                                 std::uint64_t b2, std::uint64_t b3, std::uint64_t b4) noexcept {
    a[row] = b0 ^ (~b1 & b2);
    a[row + 1] = b1 ^ (~b2 & b3);
    a[row + 2] = b2 ^ (~b3 & b4);
    a[row + 3] = b3 ^ (~b4 & b0);
    a[row + 4] = b4 ^ (~b0 & b1);
}

/// One round: theta, rho, pi, chi and iota, reading `a` and writing `e`.
IOSWARM_INTO_ITS_CALLER void round(const Lanes& a, Lanes& e, std::uint64_t constant) noexcept {
    using std::rotl;
    const std::uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
    const std::uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
    const std::uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
    const std::uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
    const std::uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
    const std::uint64_t d0 = c4 ^ rotl(c1, 1);
    const std::uint64_t d1 = c0 ^ rotl(c2, 1);
    const std::uint64_t d2 = c1 ^ rotl(c3, 1);
    const std::uint64_t d3 = c2 ^ rotl(c4, 1);
    const std::uint64_t d4 = c3 ^ rotl(c0, 1);
    chi(e, 0, a[0] ^ d0, rotl(a[6] ^ d1, 44), rotl(a[12] ^ d2, 43), rotl(a[18] ^ d3, 21), rotl(a[24] ^ d4, 14));
    chi(e, 5, rotl(a[3] ^ d3, 28), rotl(a[9] ^ d4, 20), rotl(a[10] ^ d0, 3), rotl(a[16] ^ d1, 45),
        rotl(a[22] ^ d2, 61));
    chi(e, 10, rotl(a[1] ^ d1, 1), rotl(a[7] ^ d2, 6), rotl(a[13] ^ d3, 25), rotl(a[19] ^ d4, 8),
        rotl(a[20] ^ d0, 18));
    chi(e, 15, rotl(a[4] ^ d4, 27), rotl(a[5] ^ d0, 36), rotl(a[11] ^ d1, 10), rotl(a[17] ^ d2, 15),
        rotl(a[23] ^ d3, 56));
    chi(e, 20, rotl(a[2] ^ d2, 62), rotl(a[8] ^ d3, 55), rotl(a[14] ^ d4, 39), rotl(a[15] ^ d0, 41),
        rotl(a[21] ^ d1, 2));
    e[0] ^= constant;
}

IOSWARM_INTO_ITS_CALLER void permute_rounds(Lanes& state) noexcept {
    Lanes a = state;
    Lanes e;
    for (std::size_t i = 0; i < kRoundConstants.size(); i += 2) {
        round(a, e, kRoundConstants[i]);
        round(e, a, kRoundConstants[i + 1]);
    }
    state = a;
}

#undef IOSWARM_INTO_ITS_CALLER

#if defined(__x86_64__)
[[gnu::target("bmi,bmi2")]] void permute_with_bmi(Lanes& state) noexcept {
    permute_rounds(state);
}
#endif

void permute(Lanes& state) noexcept {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) return permute_with_bmi(state);
#endif
    permute_rounds(state);
}

/// XORs `count` bytes at `from` into those at `to`, eight at a time while at least eight are left.
void xor_bytes(std::uint8_t* to, const std::uint8_t* from, std::size_t count) noexcept {
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        std::uint64_t held = 0;
        std::uint64_t added = 0;
        std::memcpy(&held, to + i, sizeof held);
        std::memcpy(&added, from + i, sizeof added);
        held ^= added;
        std::memcpy(to + i, &held, sizeof held);
    }
    for (; i < count; ++i)
        to[i] ^= from[i];
}

}  // namespace

Keccak256& Keccak256::update(BytesView data) noexcept {
    while (!data.empty()) {
        if (filled_ == 0 && data.size() >= kRate) {
            for (std::size_t lane = 0; lane < kRate / 8; ++lane) {
                std::uint64_t word = 0;
                std::memcpy(&word, data.data() + 8 * lane, sizeof word);
                state_[lane] ^= word;
            }
            permute(state_);
            data = data.subspan(kRate);
            continue;
        }
        auto* bytes = reinterpret_cast<std::uint8_t*>(state_.data());
        const std::size_t count = std::min(data.size(), kRate - filled_);
        xor_bytes(bytes + filled_, data.data(), count);
        filled_ += count;
        data = data.subspan(count);
        if (filled_ == kRate) {
            permute(state_);
            filled_ = 0;
        }
    }
    return *this;
}

Hash256 Keccak256::finish() noexcept {
    auto* bytes = reinterpret_cast<std::uint8_t*>(state_.data());
    bytes[filled_] ^= 0x01;
    bytes[kRate - 1] ^= 0x80;
    permute(state_);
    Hash256 out;
    std::memcpy(out.bytes.data(), state_.data(), out.bytes.size());
    return out;
}

Hash256 keccak256(BytesView data) noexcept {
    return Keccak256{}.update(data).finish();
}

}  // namespace ioswarm
