// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/ports/clock.hpp"

namespace ioswarm {

/// Notices when no block is processed although the source has newer ones. A block that cannot be read is
/// requested again and again, and nothing else reports that. Has no clock and no threads.
class BlockWatch {
  public:
    /// Longer than any block needs when missed blocks are fetched one after the other after a lost connection.
    static constexpr std::chrono::seconds kPatience{60};
    /// The newest block is always on its way for a moment, so a source that is one block ahead is normal.
    static constexpr std::uint64_t kAheadIsNormal = 1;

    /// `last` is the last block processed, 0 = none yet. Returns how long no block was processed if that is too
    /// long, otherwise nothing.
    [[nodiscard]] std::optional<std::chrono::seconds> look(std::uint64_t tip, std::uint64_t last,
                                                           Clock::Steady now) {
        if (!since_ || last != last_) {
            since_ = now;
            last_ = last;
            first_tip_ = tip;
        }
        // The first block to be processed is one after the first tip.
        const std::uint64_t had = last_ == 0 ? first_tip_ : last_;
        if (tip <= had + kAheadIsNormal || now - *since_ < kPatience) return std::nullopt;
        return std::chrono::duration_cast<std::chrono::seconds>(now - *since_);
    }
    /// Starts the time again. Call it after a period in which blocks could not be processed for another reason.
    void reset() { since_.reset(); }

  private:
    std::optional<Clock::Steady> since_;
    std::uint64_t last_ = 0;
    std::uint64_t first_tip_ = 0;  // the tip when last_ was processed
};

}  // namespace ioswarm
