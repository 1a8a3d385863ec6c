// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config/config.hpp"
#include "cli/config/serve_config.hpp"

namespace ioswarm::cli {

/// Something about the configuration that serve warns of and accepts.
struct StartWarning {
    /// The keys that it follows from. The first one is the key to look at. If the value of one of them is not
    /// known, the warning may be wrong.
    std::vector<std::string_view> keys;
    std::string text;  ///< names the key, without its place
};

/// Warnings for the start: no authentication, tokens sent in clear text, no rewards, keys that have no effect
/// yet. `address` is the one that both ports bind.
[[nodiscard]] std::vector<StartWarning> start_warnings(const ServeConfig& config, const std::string& address);

/// Warnings about the modes of files with secrets, which serve reads all the same.
[[nodiscard]] std::vector<StartWarning> file_mode_warnings(const LoadedConfig& loaded);

}  // namespace ioswarm::cli
