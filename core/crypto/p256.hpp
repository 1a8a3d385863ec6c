// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// Tells whether (r, s), 32 bytes each, is an ECDSA signature of `digest` by `key` on the curve P-256. `key`
/// must be uncompressed: 65 bytes, namely 04, x, y. Empty if it is not, or is not a point on the curve.
[[nodiscard]] std::optional<bool> verify_p256(const Hash256& digest, BytesView r, BytesView s, BytesView key);

}  // namespace ioswarm
