// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ioswarm::sim {

/// SplitMix64 (Steele, Lea, Flood 2014). It gives the same numbers on every machine and with every library,
/// which the standard's distributions do not guarantee.
class Random {
  public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
    /// Each pair of seed and stream gives a separate stream of numbers.
    Random(std::uint64_t seed, std::uint64_t stream) noexcept
        : state_(mix(seed) ^ mix(stream + 0x5851f42d4c957f2d)) {}

    [[nodiscard]] std::uint64_t next() noexcept { return mix(state_ += 0x9e3779b97f4a7c15); }
    /// Returns 0 .. bound-1. Requires bound ≥ 1.
    [[nodiscard]] std::uint32_t below(std::uint32_t bound) noexcept {
        return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
    }

  private:
    [[nodiscard]] static std::uint64_t mix(std::uint64_t z) noexcept {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    std::uint64_t state_;
};

}  // namespace ioswarm::sim
