// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "core/ports/clock.hpp"

namespace ioswarm::sim {

/// The machine's clock, but its steady time can be moved forward. Tests and simulations then need not wait for
/// things that only time causes: the last blocks of a run, or an agent's eviction. The wall clock stays right.
/// Thread-safe.
class SkippingClock final : public Clock {
  public:
    [[nodiscard]] Steady steady() const override {
        return std::chrono::steady_clock::now() + Steady::duration(skipped_.load());
    }
    [[nodiscard]] Wall wall() const override { return std::chrono::system_clock::now(); }
    void skip(Steady::duration by) { skipped_ += by.count(); }

  private:
    std::atomic<Steady::duration::rep> skipped_{0};
};

}  // namespace ioswarm::sim
