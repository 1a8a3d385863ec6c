// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cli/config/serve_config.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Finds the configured paths at which `serve` cannot keep its files, because something else is there: a file
/// where a directory is needed, or a directory or a device where a file is needed. A path that does not exist
/// yet is fine. Each error has the code config, and the configuration key as `which`. `config check` and
/// `serve` both call this.
[[nodiscard]] std::vector<Error> wrong_places(const ServeConfig& config);

}  // namespace ioswarm::cli
