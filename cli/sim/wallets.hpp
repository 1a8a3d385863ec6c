// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The addresses of a file, one per line; empty lines and lines that begin with # are passed over. At most
/// 100,000. Errors: not_found, permission_denied, io, bad_data (a line is no address; names it).
[[nodiscard]] Result<std::vector<std::string>> read_wallets(const std::string& path);

}  // namespace ioswarm::cli
