// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// Whether (r, s), 32 bytes each, is an ECDSA signature of `digest` by `key` on the curve P-256. `key` is
/// uncompressed: 04, x, y, 65 bytes. Nothing when it is not that, or no point of the curve.
[[nodiscard]] std::optional<bool> verify_p256(const Hash256& digest, BytesView r, BytesView s, BytesView key);

}  // namespace ioswarm
