// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cli/config/serve_config.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The places of the configuration at which `serve` cannot keep its files, because something else is there: a
/// file in the place of a directory, or a directory or a device in the place of a file. What is not there yet
/// is no fault. The errors have the code config, and the key as `which`. Both `config check` and `serve` ask
/// this.
[[nodiscard]] std::vector<Error> wrong_places(const ServeConfig& config);

}  // namespace ioswarm::cli
