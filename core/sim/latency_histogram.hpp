// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

namespace ioswarm::sim {

/// Counts times from 1 µs to hours, each with an error of at most 1/16, in 6 KB. Adding is thread-safe and
/// costs nanoseconds.
class LatencyHistogram {
  public:
    void add(std::chrono::nanoseconds time) noexcept {
        const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count() / 1000, 0));
        buckets_[bucket_of(us)].fetch_add(1, std::memory_order_relaxed);
        auto most = most_.load(std::memory_order_relaxed);
        while (us > most && !most_.compare_exchange_weak(most, us, std::memory_order_relaxed)) {
        }
    }
    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t out = 0;
        for (const auto& bucket : buckets_)
            out += bucket.load(std::memory_order_relaxed);
        return out;
    }
    /// The time that `percent` of all times do not exceed (rounded up to the end of the bucket); 0 if there are
    /// none.
    [[nodiscard]] std::chrono::microseconds percentile(double percent) const noexcept {
        const auto wanted = static_cast<double>(count()) * percent / 100;
        double seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            const auto here = static_cast<double>(buckets_[i].load(std::memory_order_relaxed));
            seen += here;
            if (here > 0 && seen >= wanted)
                return std::min(std::chrono::microseconds(static_cast<std::int64_t>(end_of(i))), most());
        }
        return std::chrono::microseconds(0);
    }
    [[nodiscard]] std::chrono::microseconds most() const noexcept {
        return std::chrono::microseconds(static_cast<std::int64_t>(most_.load(std::memory_order_relaxed)));
    }

  private:
    static constexpr unsigned kFineBits = 4;
    static constexpr std::size_t kFine = 1U << kFineBits;

    static std::size_t bucket_of(std::uint64_t us) noexcept {
        if (us < kFine) return static_cast<std::size_t>(us);
        const auto exponent = static_cast<unsigned>(std::bit_width(us)) - 1 - kFineBits;
        const std::size_t at = exponent * kFine + static_cast<std::size_t>(us >> exponent);
        return std::min(at, kBuckets - 1);
    }
    static std::uint64_t end_of(std::size_t bucket) noexcept {
        if (bucket < kFine) return bucket;
        const std::size_t exponent = bucket / kFine - 1;
        return ((bucket - exponent * kFine + 1) << exponent) - 1;
    }

    static constexpr std::size_t kBuckets = 48 * kFine;
    std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
    std::atomic<std::uint64_t> most_{0};
};

}  // namespace ioswarm::sim
