// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ioswarm {

/// A stream of diffs, as GET /api/diffs shows it.
struct DiffSubscriber {
    std::string agent_id;
    /// The height that its stream takes next; 0: the first one that the log gets.
    std::uint64_t next = 0;
    std::uint64_t lag = 0;  ///< number of stored heights that it has not taken yet
};

/// The contents of GET /api/diffs, as copied values.
struct DiffsView {
    std::uint64_t tip = 0;  ///< 0: the log is empty
    std::uint64_t floor = 0;
    std::vector<DiffSubscriber> subscribers;  ///< sorted by agent id
    /// Diffs that were not sent to a stream. Always 0, since diffs cannot be dropped.
    std::uint64_t dropped = 0;
    std::string alarm;  ///< the reason why no diffs are accepted now; empty when all is well
};

}  // namespace ioswarm
