// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstring>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// The order of keys in BoltDB, PebbleDB and snapshots: byte by byte as unsigned numbers. A key that begins
/// with another whole key comes after it.
[[nodiscard]] inline std::strong_ordering compare_bytes(BytesView a, BytesView b) noexcept {
    const std::size_t common = std::min(a.size(), b.size());
    const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
    return order == 0 ? a.size() <=> b.size() : order <=> 0;
}

[[nodiscard]] inline bool bytes_less(BytesView a, BytesView b) noexcept {
    return std::is_lt(compare_bytes(a, b));
}

}  // namespace ioswarm
