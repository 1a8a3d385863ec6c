// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// Keccak-256 as Ethereum and IoTeX use it, with the original padding (0x01) instead of SHA3-256's. Data can be
/// added in several calls.
class Keccak256 {
  public:
    Keccak256& update(BytesView data) noexcept;
    /// The digest of all data added so far. The object must not be used afterwards.
    [[nodiscard]] Hash256 finish() noexcept;

  private:
    static constexpr std::size_t kRate = 136;  // bytes absorbed per permutation: 1600/8 - 2*32

    std::array<std::uint64_t, 25> state_{};
    std::size_t filled_ = 0;  // bytes of the current block already absorbed
};

[[nodiscard]] Hash256 keccak256(BytesView data) noexcept;

}  // namespace ioswarm
