// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm {

/// The node's pool of pending transactions, and its tip. One thread at a time may call it. Calls may block up
/// to the reader's own timeout, never forever.
class ActPoolReader {
  public:
    virtual ~ActPoolReader() = default;

    /// Every executable pending action, in the source's order. An empty list means an empty pool. As long as an
    /// action stays in the pool, the same pointer is returned for the same raw bytes. Errors: unavailable,
    /// timed_out, bad_data (the source's answer was not understood).
    [[nodiscard]] virtual Result<std::vector<PoolActionPtr>> pending() = 0;

    /// Errors are those of pending().
    [[nodiscard]] virtual Result<ChainTip> tip() = 0;
};

}  // namespace ioswarm
