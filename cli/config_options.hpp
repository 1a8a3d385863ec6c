// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/config/config.hpp"
#include "cli/exit_code.hpp"
#include "cli/io.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace ioswarm::cli {

/// The configuration's settings that the command line gave.
struct ConfigOptions {
    std::vector<std::string> files;
    std::vector<std::string> flags;  ///< values in the order of config_keys(), filled by the parser
    std::vector<bool> given;         ///< whether the command line gave the flag of the same index

    /// Returns the sources for load_config(), with the process's environment.
    [[nodiscard]] ConfigSources sources() const;
};

/// Declares --config only. `options` must live as long as the app.
void add_config_file_option(CLI::App& app, ConfigOptions& options);

enum class KeyFlags { shown, hidden };  ///< whether --help lists the keys' flags
/// Declares --config and a flag for every key.
void add_config_options(CLI::App& app, ConfigOptions& options, KeyFlags help);

/// Loads the configuration and prints warnings and errors. Returns nothing on errors, and sets `code` to the
/// program's exit code. `open_named_files`: see ConfigSources.
[[nodiscard]] std::optional<LoadedConfig> load_or_report(const ConfigOptions& options, Io& io, ExitCode& code,
                                                         bool open_named_files = true);

}  // namespace ioswarm::cli
