// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/crypto/sha256.hpp"

namespace ioswarm {

/// The chain value of a row (core/ports/diff_store.hpp): SHA-256 of previous ‖ height (8 bytes, big-endian) ‖
/// digest ‖ record. Callers that compute many values pass the same `hash`; it is reset each time.
[[nodiscard]] Hash256 diff_chain(Sha256& hash, const Hash256& previous, std::uint64_t height,
                                 const Hash256& digest, BytesView record);
[[nodiscard]] Hash256 diff_chain(const Hash256& previous, std::uint64_t height, const Hash256& digest,
                                 BytesView record);

}  // namespace ioswarm
