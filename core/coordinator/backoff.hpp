// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace ioswarm {

/// How long to wait after a failure. The upper bound doubles from 0.5 s to 10 s. The wait is random between
/// half of it and all of it, so that callers that failed together do not retry together. Not thread-safe.
class Backoff {
  public:
    static constexpr std::chrono::milliseconds kFirst{500};
    static constexpr std::chrono::milliseconds kLast{10'000};

    explicit Backoff(std::uint32_t seed = std::random_device{}()) : random_(seed) {}

    [[nodiscard]] std::chrono::milliseconds next() {
        const std::chrono::milliseconds most = next_;
        next_ = std::min(next_ * 2, kLast);
        return std::chrono::milliseconds(
            std::uniform_int_distribution<std::int64_t>(most.count() / 2, most.count())(random_));
    }
    void reset() { next_ = kFirst; }

  private:
    std::minstd_rand random_;
    std::chrono::milliseconds next_ = kFirst;
};

}  // namespace ioswarm
