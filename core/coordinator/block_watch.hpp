// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// Notices that no block is taken although the source has newer ones: one that cannot be read is asked for
/// again and again, and nothing else says so. No clock, no threads.
class BlockWatch {
  public:
    /// Blocks that are fetched one after the other after a lost connection need less for each of them.
    static constexpr std::chrono::seconds kPatience{60};
    /// The newest block is on its way for a moment: a source that is one ahead is normal.
    static constexpr std::uint64_t kAheadIsNormal = 1;

    /// `last`: the last block taken, 0 = none yet. How long no block was taken, once that is too long.
    [[nodiscard]] std::optional<std::chrono::seconds> look(std::uint64_t tip, std::uint64_t last,
                                                           Clock::Steady now) {
        if (!since_ || last != last_) {
            since_ = now;
            last_ = last;
            first_tip_ = tip;
        }
        const std::uint64_t had = last_ == 0 ? first_tip_ : last_;  // the first block taken is one to come
        if (tip <= had + kAheadIsNormal || now - *since_ < kPatience) return std::nullopt;
        return std::chrono::duration_cast<std::chrono::seconds>(now - *since_);
    }
    /// Begins anew, after a time in which blocks could not be taken for another reason.
    void reset() { since_.reset(); }

  private:
    std::optional<Clock::Steady> since_;
    std::uint64_t last_ = 0;
    std::uint64_t first_tip_ = 0;  // when last_ was taken
};

}  // namespace ioswarm
