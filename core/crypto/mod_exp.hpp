// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.hpp"

namespace ioswarm {

/// base^exponent modulo modulus. All numbers are big-endian and of any size; the result has as many bytes as
/// the modulus. A modulus of 0 gives zeros, a modulus of 1 gives 0, and 0^0 is 1. The time grows with the
/// length of the exponent times the square of the length of the modulus, so the caller must limit both.
[[nodiscard]] Bytes mod_exp(BytesView base, BytesView exponent, BytesView modulus);

}  // namespace ioswarm
