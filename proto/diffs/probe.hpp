// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>

#include "core/base/result.hpp"
#include "core/diffs/diff_checks.hpp"
#include "proto/diffs/subscription.hpp"

namespace ioswarm::proto {

struct DiffProbeOptions {
    DiffPeer peer;
    std::uint64_t catch_up = 10;                       ///< heights before the tip to ask for
    std::chrono::milliseconds duration{60'000};        ///< to find the tip in, and then to watch the stream for
    std::chrono::milliseconds between_streams{1'000};  ///< after one has ended, for whatever reason
};

/// What an agent of a coordinator would have seen.
struct DiffProbe {
    std::uint64_t tip = 0;  ///< the height of the first live diff
    DiffChecks checks;
    std::optional<std::chrono::milliseconds> catch_up_time;
    std::chrono::milliseconds elapsed{0};  ///< from when the stream was asked for, as catch_up_time
    std::uint64_t resumed = 0;             ///< how often the stream broke and went on at the next height
    std::optional<Error> ended;            ///< why nothing came any more before the time was over

    [[nodiscard]] bool passed() const;
};

/// Called after each diff of the stream.
using DiffProbeProgress = std::function<void(const StateDiff&, const DiffProbe&)>;

/// Learns the tip from the first live diff, then takes every diff from `catch_up` heights before it until the
/// time is over, resuming as an agent does when the stream breaks. Registers nothing. A stop ends it early, and
/// so do answers that will not change. Errors before anything can be judged: those of DiffSubscription,
/// cancelled, and failed_check when no diff came.
[[nodiscard]] Result<DiffProbe> probe_diffs(const DiffProbeOptions& options, const DiffProbeProgress& progress,
                                            const std::stop_token& stop);

}  // namespace ioswarm::proto
