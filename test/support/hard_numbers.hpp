// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

#include "core/base/u256.hpp"

namespace ioswarm::test {

/// Numbers whose limbs are often 0, 1, all ones or near a power of two, which are the hard cases for division.
class HardNumbers {
  public:
    U256 next() {
        U256 out = 0;
        const unsigned limbs = static_cast<unsigned>(random_() % 5);
        for (unsigned i = 0; i < limbs; ++i)
            out = (out << 64) | limb();
        return out;
    }

  private:
    std::uint64_t limb() {
        switch (random_() % 6) {
            case 0:
                return 0;
            case 1:
                return ~std::uint64_t{0};
            case 2:
                return std::uint64_t{1} << (random_() % 64);
            case 3:
                return (std::uint64_t{1} << (random_() % 64)) - 1;
            default:
                return random_();
        }
    }
    std::mt19937_64 random_{20'261'129};
};

}  // namespace ioswarm::test
