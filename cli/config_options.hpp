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

/// What the command line says about the configuration.
struct ConfigOptions {
    std::vector<std::string> files;
    std::vector<std::string> flags;  ///< in the order of config_keys(), filled by the parser
    std::vector<bool> given;         ///< which of them were

    /// Sources for load_config with the process's environment.
    [[nodiscard]] ConfigSources sources() const;
};

/// Declares --config only. `options` must live as long as the app.
void add_config_file_option(CLI::App& app, ConfigOptions& options);

enum class KeyFlags { shown, hidden };  ///< in --help
/// Declares --config and a flag for every key.
void add_config_options(CLI::App& app, ConfigOptions& options, KeyFlags help);

/// Loads the configuration, prints warnings and errors; nothing when there were errors, and `code` is then set
/// to what the program ends with. `open_named_files`: see ConfigSources.
[[nodiscard]] std::optional<LoadedConfig> load_or_report(const ConfigOptions& options, Io& io, ExitCode& code,
                                                         bool open_named_files = true);

}  // namespace ioswarm::cli
