// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ioswarm {

/// Settles closed epochs on chain. The ledger holds the amounts that are owed. The settler is only told that
/// there is something new and reads the rows itself, so a lost call loses nothing.
class RewardSettler {
  public:
    virtual ~RewardSettler() = default;

    /// Reports that an epoch was closed and is durable in the ledger. Returns at once. Any thread may call it.
    virtual void epoch_closed(std::uint64_t epoch) = 0;
};

}  // namespace ioswarm
