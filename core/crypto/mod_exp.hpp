// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.hpp"

namespace ioswarm {

/// base^exponent modulo modulus, all big-endian and of any size; as many bytes as the modulus has. A modulus of
/// 0 gives zeros, a modulus of 1 gives 0, and 0^0 is 1. Its time grows with the product of exponent and modulus
/// squared: the caller bounds them.
[[nodiscard]] Bytes mod_exp(BytesView base, BytesView exponent, BytesView modulus);

}  // namespace ioswarm
