// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "core/base/result.hpp"
#include "core/diffs/diff_checks.hpp"
#include "proto/diffs/subscription.hpp"

namespace ioswarm::proto {

/// The settings of probe_diffs().
struct DiffProbeOptions {
    DiffPeer peer;
    std::uint64_t catch_up = 10;  ///< how many heights before the tip to start
    /// Limit for finding the tip, and then the time for watching the stream.
    std::chrono::milliseconds duration{60'000};
    std::chrono::milliseconds between_streams{1'000};  ///< pause after a stream has ended for any reason
};

/// When the live diffs of a probe came. All times count from the request of the stream.
class LiveArrivals {
  public:
    void add(std::chrono::milliseconds at);
    /// The longest time without a live diff until `now`.
    [[nodiscard]] std::chrono::milliseconds longest_silence(std::chrono::milliseconds now) const;
    /// The time since the last live diff, or since the beginning.
    [[nodiscard]] std::chrono::milliseconds silence(std::chrono::milliseconds now) const;
    /// The silence after which the diffs have stopped: five mean intervals, and at least 10 s.
    [[nodiscard]] std::chrono::milliseconds patience() const;

  private:
    std::uint64_t count_ = 0;
    std::chrono::milliseconds last_{0};
    std::chrono::milliseconds longest_{0};
};

/// The result: what an agent of this coordinator would have seen.
struct DiffProbe {
    std::uint64_t tip = 0;  ///< the height of the first live diff
    DiffChecks checks;
    LiveArrivals arrivals;
    std::optional<std::chrono::milliseconds> catch_up_time;
    /// Time since the stream was requested; catch_up_time counts from there too.
    std::chrono::milliseconds elapsed{0};
    std::uint64_t resumed = 0;   ///< how often the stream broke and continued at the next height
    std::optional<Error> ended;  ///< why nothing more came before the time was over

    /// Those of `checks`, and "until_end": live diffs came until the end.
    [[nodiscard]] std::vector<DiffChecks::Finding> findings() const;
    [[nodiscard]] bool passed() const;
};

/// Called after each diff of the stream.
using DiffProbeProgress = std::function<void(const StateDiff&, const DiffProbe&)>;

/// Learns the tip from the first live diff. Then takes every diff from `catch_up` heights before the tip until
/// the time is over. If the stream breaks, it resumes as an agent does. It does not register. A stop request
/// ends it early, and so does an error that a retry cannot change. Errors while nothing can be judged yet:
/// those of DiffSubscription, cancelled, and failed_check if no diff came.
[[nodiscard]] Result<DiffProbe> probe_diffs(const DiffProbeOptions& options, const DiffProbeProgress& progress,
                                            const std::stop_token& stop);

}  // namespace ioswarm::proto
