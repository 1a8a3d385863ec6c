// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm {

/// Confirmed state of accounts. Thread-safe. Calls may block up to the reader's own timeout, never forever.
class StateReader {
  public:
    virtual ~StateReader() = default;

    /// Returns the accounts as the block at `height` left them: one per address, in the order of `addresses`.
    /// An address that the chain has never seen is not an error; it has balance 0, nonce 0 and no code. Each
    /// entry fails on its own: unavailable, timed_out, bad_data; out_of_range when the source no longer holds
    /// that height, or does not hold it yet.
    [[nodiscard]] virtual std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                                     std::uint64_t height) = 0;
};

}  // namespace ioswarm
