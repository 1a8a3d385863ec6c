// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>

#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// State diffs of executed blocks, one after the other. The reader is one integer, the height it wants next.
/// Called from one thread at a time.
class StateDiffSource {
  public:
    virtual ~StateDiffSource() = default;

    /// The diff of `height`; waits until it exists or `stop` is requested. Height 0 means the oldest the source
    /// has (of an empty log that has to begin somewhere). What it gives is not trusted: whoever calls checks
    /// height and digest. Errors: cancelled (stop); unavailable, timed_out (the caller backs off and asks
    /// again); out_of_range (the source no longer holds it, or answers another height); unauthenticated,
    /// permission_denied, bad_data.
    [[nodiscard]] virtual Result<StateDiff> next(std::uint64_t height, std::stop_token stop) = 0;
};

}  // namespace ioswarm
