// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ioswarm {

/// Syncs a folder, so that files created or renamed in it are still there after a power failure. Errors: io,
/// not_found, permission_denied.
[[nodiscard]] Status sync_folder(const std::string& folder);

}  // namespace ioswarm
