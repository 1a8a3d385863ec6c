// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_replay.hpp"

#include <stop_token>
#include <utility>

#include "core/base/try.hpp"
#include "core/ports/clock.hpp"
#include "core/sim/embedded_chain.hpp"

namespace ioswarm::sim {

namespace {

/// Moves only when step() is called.
class SteppedClock final : public Clock {
  public:
    [[nodiscard]] Steady steady() const override { return now_; }
    [[nodiscard]] Wall wall() const override {
        return Wall(std::chrono::duration_cast<Wall::duration>(now_.time_since_epoch()));
    }
    void step(Steady::duration by) { now_ += by; }

  private:
    Steady now_{};
};

}  // namespace

Result<L4Replay> l4_replay(ChainSettings settings, std::uint64_t tip, const std::set<std::uint64_t>& heights) {
    settings.start_held = false;
    settings.resume_height = 0;
    SteppedClock clock;
    IOSWARM_TRY(auto chain, EmbeddedChain::create(settings, clock));
    L4Replay out;
    L4State state;
    if (heights.contains(0)) out.hashes[0] = state.hash();
    for (std::uint64_t height = 1; height <= tip; ++height) {
        clock.step(settings.block_time);
        IOSWARM_TRY(const auto diff, chain->diffs().next(height, {}));
        IOSWARM_DO(state.apply(diff));
        out.digests.push_back(Hash256::from(diff.digest).value_or(Hash256{}));
        if (heights.contains(height)) out.hashes[height] = state.hash();
    }
    out.entries = state.size();
    return out;
}

}  // namespace ioswarm::sim
