// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm {

/// Confirmed state of accounts. Thread-safe; may block up to its own time-out, never for ever.
class StateReader {
  public:
    virtual ~StateReader() = default;

    /// The accounts as the block at `height` left them, in the order of `addresses` and as many. An address
    /// never seen on the chain is an account with balance 0, nonce 0 and no code, not an error. Each entry
    /// fails on its own: unavailable, timed_out, bad_data; out_of_range when the source no longer (or not yet)
    /// holds that height.
    [[nodiscard]] virtual std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                                     std::uint64_t height) = 0;
};

}  // namespace ioswarm
