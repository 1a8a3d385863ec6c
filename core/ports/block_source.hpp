// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm {

/// Executed blocks with receipts, in order. The reader's position is one integer, the height it wants next. If
/// a connection was lost, the source fetches the blocks that were missed. One thread at a time may call it.
class BlockSource {
  public:
    virtual ~BlockSource() = default;

    /// Returns the block at `height`. Waits until it exists or `stop` is requested. Height 0 means the next
    /// block that is made; its answer may have any height. Errors: cancelled (stop), unavailable and timed_out
    /// (the caller backs off and asks again), out_of_range (the source no longer holds the block), bad_data.
    [[nodiscard]] virtual Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) = 0;
};

}  // namespace ioswarm
