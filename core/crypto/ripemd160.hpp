// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/bytes.hpp"

namespace ioswarm {

using Hash160 = FixedBytes<20, struct Hash160Tag>;

/// RIPEMD-160. Only a precompiled contract of the EVM needs it.
[[nodiscard]] Hash160 ripemd160(BytesView data);

}  // namespace ioswarm
