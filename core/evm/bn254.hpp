// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/bytes.hpp"

namespace ioswarm::evm {

/// The group of the curve y² = x³ + 3 over the prime field of EIP-196 (alt_bn128, BN254). A point is its two
/// coordinates, 32 bytes each, big-endian; (0, 0) is the point at infinity.
using CurvePoint = std::array<std::uint8_t, 64>;

/// Returns nothing when a coordinate is not below the prime, or when a point is not on the curve.
[[nodiscard]] std::optional<CurvePoint> bn254_add(const CurvePoint& a, const CurvePoint& b);
/// `scalar` is any number of 32 bytes, big-endian. Returns nothing as bn254_add() does.
[[nodiscard]] std::optional<CurvePoint> bn254_multiply(const CurvePoint& point, const Hash256& scalar);

}  // namespace ioswarm::evm
