// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/bytes.hpp"
#include "core/evm/run_limits.hpp"

namespace ioswarm::evm {

/// EIP-152: the compression function of BLAKE2b. `input` is 213 bytes: rounds (4, big-endian), h (64), m (128),
/// t (16), final (1: 0 or 1). Returns 64 bytes, or nothing for any other input. The time grows with the number
/// of rounds, which the caller's gas limits. Also returns nothing soon after `watch` is over.
[[nodiscard]] std::optional<Bytes> blake2f(BytesView input, const RunWatch& watch);
/// The number of rounds that the input asks for; nothing when it is not 213 bytes long.
[[nodiscard]] std::optional<std::uint32_t> blake2f_rounds(BytesView input) noexcept;

}  // namespace ioswarm::evm
