// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <random>
#include <vector>

namespace ioswarm::proto {

/// When to end each of `streams` streams so that their agents do not all come back at once: an agent connects
/// again a fixed time after the end of its stream. Returns times from now, ascending. `over` is divided into
/// equal parts, one per stream, and each stream ends at a random moment of its part. No part is longer than a
/// twentieth of `over`, so that a few streams end quickly.
[[nodiscard]] inline std::vector<std::chrono::nanoseconds> stream_end_times(std::size_t streams,
                                                                            std::chrono::nanoseconds over,
                                                                            std::mt19937_64& random) {
    constexpr std::size_t kFewestParts = 20;
    std::vector<std::chrono::nanoseconds> out;
    out.reserve(streams);
    const double part = static_cast<double>(over.count()) /
                        static_cast<double>(streams > kFewestParts ? streams : kFewestParts);
    std::uniform_real_distribution<double> within(0, 1);
    for (std::size_t i = 0; i < streams; ++i) {
        const double at = (static_cast<double>(i) + within(random)) * part;
        out.emplace_back(static_cast<std::chrono::nanoseconds::rep>(at));
    }
    return out;
}

}  // namespace ioswarm::proto
