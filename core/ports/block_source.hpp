// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm {

/// Executed blocks with receipts, one after the other. The reader is one integer, the height it wants next;
/// what a lost connection missed is fetched by the source. Called from one thread at a time.
class BlockSource {
  public:
    virtual ~BlockSource() = default;

    /// The block at `height`; waits until it exists or `stop` is requested. Height 0 means the next block to
    /// come. The answer's height is `height` (or, for 0, any). Errors: cancelled (stop), unavailable, timed_out
    /// (the caller backs off and asks again), out_of_range (the source no longer holds it), bad_data.
    [[nodiscard]] virtual Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) = 0;
};

}  // namespace ioswarm
