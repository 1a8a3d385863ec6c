// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a reload of the configuration changes. See ServeApp::reload().

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/config/config.hpp"
#include "core/auth/access.hpp"

namespace ioswarm::cli {

/// When a changed key takes effect.
enum class ReloadEffect { now, next_epoch, after_restart };
/// For the name of a key, such as "log.level".
[[nodiscard]] ReloadEffect reload_effect(std::string_view key);

/// The names of the keys whose values differ.
struct ConfigChanges {
    std::vector<std::string> now;            ///< take effect with the reload
    std::vector<std::string> next_epoch;     ///< count from the next epoch on
    std::vector<std::string> after_restart;  ///< take effect at the next start
};

/// `used` is what serve works with. `fresh` is what the configuration says now, loaded without opening the
/// files that it names, because a secret may come from a pipe that can be read once. So a file of the same name
/// that has other contents is no change.
[[nodiscard]] ConfigChanges config_changes(const LoadedConfig& used, const LoadedConfig& fresh);
/// Copies the values that a reload can change from `fresh` to `used`.
void take_changes(const ServeConfig& fresh, ServeConfig& used);

/// What a reload did.
struct ReloadReport {
    ConfigChanges changes;
    std::size_t agents_ended = 0;
    std::vector<std::string> warnings;  ///< the warnings of loading the configuration
};

/// "agents.revoked, log.level".
[[nodiscard]] std::string joined(const std::vector<std::string>& names);

/// The list files that serve reads: those of the configuration. Without agents.revoked the file `revoked` in
/// the data directory counts, if it exists.
[[nodiscard]] ListFiles list_files(const ServeConfig& config);

/// All problems of a configuration as one error, with code config.
[[nodiscard]] Error summary(const std::vector<Error>& problems);

}  // namespace ioswarm::cli
