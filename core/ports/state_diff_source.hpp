// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>

#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// State diffs of executed blocks, in order. The reader's position is one integer, the height it wants next.
/// One thread at a time may call it.
class StateDiffSource {
  public:
    virtual ~StateDiffSource() = default;

    /// Returns the diff of `height`. Waits until it exists or `stop` is requested. Height 0 means the oldest
    /// height of the source, for a log that is empty and may begin anywhere. The answer is not trusted: the
    /// caller checks height and digest. Errors: cancelled (stop); unavailable and timed_out (the caller backs
    /// off and asks again); out_of_range (the source no longer holds it, or answers with another height);
    /// unauthenticated, permission_denied, bad_data.
    [[nodiscard]] virtual Result<StateDiff> next(std::uint64_t height, std::stop_token stop) = 0;

    /// The reason why next() waits, if it is none of the usual kind: the source answers, but it is behind the
    /// height that is wanted. Ok otherwise. Thread-safe.
    [[nodiscard]] virtual Status behind() const { return {}; }
};

}  // namespace ioswarm
