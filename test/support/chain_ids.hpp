// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/model/action.hpp"

namespace ioswarm::test {

/// IoTeX's mainnet.
inline const ChainIds kMainnet{4689};

}  // namespace ioswarm::test
