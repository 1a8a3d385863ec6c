// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/metrics/registry.hpp"

namespace ioswarm {

/// Addresses that were replaced in a full table of limits. Each port has its tables.
inline constexpr metrics::Family kLimitAddressesDropped{
    "ioswarm_limit_addresses_dropped_total", "Addresses forgotten because a table of limits was full.",
    "table"};

}  // namespace ioswarm
