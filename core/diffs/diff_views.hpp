// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ioswarm {

/// A stream of diffs, as GET /api/diffs shows it.
struct DiffSubscriber {
    std::string agent_id;
    std::uint64_t next = 0;  ///< height that its stream takes next; 0: whatever comes first
    std::uint64_t lag = 0;   ///< heights that are there and that it has not taken
};

/// What GET /api/diffs shows: values copied out.
struct DiffsView {
    std::uint64_t tip = 0;  ///< 0: the log is empty
    std::uint64_t floor = 0;
    std::vector<DiffSubscriber> subscribers;  ///< by agent id
    std::uint64_t dropped = 0;                ///< diffs that a stream was not sent: there is no way to drop one
    std::string alarm;                        ///< why no diff is taken in just now; empty: all is well
};

}  // namespace ioswarm
