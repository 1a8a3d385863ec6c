// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm {

/// The node's pool of pending transactions and its tip. Called from one thread at a time; may block up to its
/// own time-out, never for ever.
class ActPoolReader {
  public:
    virtual ~ActPoolReader() = default;

    /// Every executable pending action, in the source's order. An empty list is an empty pool. Objects already
    /// given for the same raw bytes are given again (same pointer) as long as the action stays in the pool.
    /// Errors: unavailable, timed_out, bad_data (the source's answer is not understood).
    [[nodiscard]] virtual Result<std::vector<PoolActionPtr>> pending() = 0;

    /// Errors as pending().
    [[nodiscard]] virtual Result<ChainTip> tip() = 0;
};

}  // namespace ioswarm
