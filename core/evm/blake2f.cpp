// SPDX-License-Identifier: Apache-2.0
#include "core/evm/blake2f.hpp"

#include <bit>

namespace ioswarm::evm {
namespace {

constexpr std::size_t kInputSize = 213;
constexpr std::uint32_t kRoundsPerClock = 16'384;  // less than a millisecond

/// The initialisation vector and the schedule of message words, from RFC 7693, sections 2.6 and 2.7.
constexpr std::array<std::uint64_t, 8> kVector = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                                  0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                                  0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
constexpr std::array<std::array<std::uint8_t, 16>, 10> kSchedule = {{
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
}};

using Lanes = std::array<std::uint64_t, 16>;

void mix(Lanes& v, std::size_t a, std::size_t b, std::size_t c, std::size_t d, std::uint64_t x,
         std::uint64_t y) {
    v[a] += v[b] + x;
    v[d] = std::rotr(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = std::rotr(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = std::rotr(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = std::rotr(v[b] ^ v[c], 63);
}

std::uint64_t little_endian(const std::uint8_t* bytes) {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t out = 0;
    std::memcpy(&out, bytes, sizeof out);
    return out;
}

}  // namespace

std::optional<std::uint32_t> blake2f_rounds(BytesView input) noexcept {
    if (input.size() != kInputSize) return std::nullopt;
    std::uint32_t rounds = 0;
    for (const std::uint8_t byte : input.first(4))
        rounds = rounds << 8 | byte;
    return rounds;
}

std::optional<Bytes> blake2f(BytesView input, const RunWatch& watch) {
    const auto rounds = blake2f_rounds(input);
    if (!rounds || input.back() > 1) return std::nullopt;
    std::array<std::uint64_t, 8> h{};
    Lanes m{};
    for (std::size_t i = 0; i < h.size(); ++i)
        h[i] = little_endian(&input[4 + 8 * i]);
    for (std::size_t i = 0; i < m.size(); ++i)
        m[i] = little_endian(&input[68 + 8 * i]);
    Lanes v{};
    std::copy(h.begin(), h.end(), v.begin());
    std::copy(kVector.begin(), kVector.end(), v.begin() + 8);
    v[12] ^= little_endian(&input[196]);
    v[13] ^= little_endian(&input[204]);
    if (input.back() == 1) v[14] = ~v[14];
    for (std::uint32_t round = 0; round < *rounds; ++round) {
        if (round % kRoundsPerClock == kRoundsPerClock - 1 && watch.is_over()) return std::nullopt;
        const auto& s = kSchedule[round % kSchedule.size()];
        for (std::size_t i = 0; i < 4; ++i)
            mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
        for (std::size_t i = 0; i < 4; ++i)
            mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
    }
    Bytes out(64);
    for (std::size_t i = 0; i < h.size(); ++i) {
        const std::uint64_t word = h[i] ^ v[i] ^ v[i + 8];
        std::memcpy(&out[8 * i], &word, sizeof word);
    }
    return out;
}

}  // namespace ioswarm::evm
