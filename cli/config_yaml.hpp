// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/config/config.hpp"

namespace ioswarm::cli {

/// The configuration as a YAML file that reads back to the same values. Each line has the origin of its value
/// as a comment. A masked secret is commented out. A masked URL stays, and is refused by name when it is read.
[[nodiscard]] std::string config_yaml(const LoadedConfig& config);

/// An example file with every key, its meaning and its default, all commented out but the two ports.
[[nodiscard]] std::string default_config_yaml();

}  // namespace ioswarm::cli
