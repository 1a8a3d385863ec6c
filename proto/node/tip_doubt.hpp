// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace ioswarm::proto {

/// Decides which of the heights that a node tells as its newest block is believed. One wrong answer, for
/// example from one of several nodes behind a load balancer, must not move the tip. A height far above the last
/// one is believed when the node has told nothing else for some time; until then the last height stays the
/// newest. A lower height is always passed on, because it can stop nothing. Not thread-safe.
class TipDoubt {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// A tip may rise by this many blocks at once, and by one more for each second since the last one.
    static constexpr std::uint64_t kNear = 12;

    /// `confirmed_after`: how long a node must tell a far height before it is believed.
    explicit TipDoubt(std::chrono::milliseconds confirmed_after) : confirmed_after_(confirmed_after) {}

    /// The node told `height` at `now`. Returns the height to take as the newest. The first height, and the
    /// first after forget(), is believed at once.
    [[nodiscard]] std::uint64_t take(std::uint64_t height, Time now);
    /// The node was away. Another one may answer now, or the same one with a chain that went on.
    void forget() {
        believed_.reset();
        claim_.reset();
    }
    /// How many jumps upwards were doubted so far.
    [[nodiscard]] std::uint64_t jumps() const { return jumps_; }

  private:
    struct Told {
        std::uint64_t height;
        Time at;
    };
    /// A height far from the believed one that the node has told since `since`.
    struct Claim {
        std::uint64_t height;  ///< of a claim upwards: the lowest height that was told
        bool is_above;
        Time since;
    };

    [[nodiscard]] bool continues_claim(std::uint64_t height, bool is_above) const;

    const std::chrono::milliseconds confirmed_after_;
    std::optional<Told> believed_;
    std::optional<Claim> claim_;
    std::uint64_t jumps_ = 0;
};

}  // namespace ioswarm::proto
