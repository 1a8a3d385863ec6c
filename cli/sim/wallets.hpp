// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Reads a file with one address per line, at most 100,000. Skips empty lines and lines that begin with '#'.
/// Errors: not_found, permission_denied, io, bad_data (a line is not an address; names it).
[[nodiscard]] Result<std::vector<std::string>> read_wallets(const std::string& path);

}  // namespace ioswarm::cli
