// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ioswarm {

/// Moves closed epochs on chain. The ledger holds what is owed; a settler is told that there is something to
/// look at and reads the rows itself, so that a lost call loses nothing.
class RewardSettler {
  public:
    virtual ~RewardSettler() = default;

    /// An epoch was closed and is durable in the ledger. Returns at once; callable from any thread.
    virtual void epoch_closed(std::uint64_t epoch) = 0;
};

}  // namespace ioswarm
