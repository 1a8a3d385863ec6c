// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cli/config/config.hpp"

namespace ioswarm::cli {

/// Checks the rules between keys: what must be given together, and what must differ. Returns every problem
/// found. `is_bad` says for each of config_keys() whether its value is not known because of an earlier error.
/// Such a key has its default, from which nothing follows.
[[nodiscard]] std::vector<Error> check_combinations(const LoadedConfig& config,
                                                    const std::vector<bool>& is_bad);

}  // namespace ioswarm::cli
