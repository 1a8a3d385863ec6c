// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ioswarm {

/// Makes the names in a folder durable: what was made or renamed there is found after a power failure. Errors:
/// io, not_found, permission_denied.
[[nodiscard]] Status sync_folder(const std::string& folder);

}  // namespace ioswarm
