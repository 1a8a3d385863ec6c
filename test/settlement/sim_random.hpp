// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace ioswarm::test {

/// Decides everything in a simulated lifetime: the same seed gives the same lifetime (splitmix64).
class SimRandom {
  public:
    explicit SimRandom(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }
    /// A number from 0 to `limit` - 1.
    std::uint64_t below(std::uint64_t limit) { return next() % limit; }
    /// A number from `first` to `last`, both included.
    std::uint64_t between(std::uint64_t first, std::uint64_t last) { return first + below(last - first + 1); }
    bool one_in(std::uint64_t count) { return below(count) == 0; }
    bool percent(std::uint64_t share) { return below(100) < share; }

  private:
    std::uint64_t state_;
};

/// A running hash of the events. It tells whether two runs of a seed are the same (FNV-1a).
class SimTrace {
  public:
    void add(std::string_view text) {
        for (const char c : text)
            hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
        hash_ = (hash_ ^ 0xffU) * 0x100000001b3ULL;
    }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }

  private:
    std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

/// Ends the "process", as kill -9 would. It is not a std::exception, so that no code handles it as an error.
struct SimCrash {
    const char* at;
};

}  // namespace ioswarm::test
