// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/config/config.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The circumstances of the start that is examined.
struct StartOptions {
    bool insecure_bind = false;  ///< with --insecure-bind
    bool embedded = false;       ///< with --embedded
    /// True if the configuration could not be read completely. Then only the files that it names are checked,
    /// because other checks could give wrong results.
    bool partial = false;
};

/// The errors and warnings of a start, up to the point where it opens a port or a database.
struct StartFindings {
    std::vector<Error> errors;  ///< serve would refuse to start
    /// No source of blocks is named, so that serve only starts with --embedded. All parts are empty otherwise.
    Error source_error;
    std::vector<std::string> warnings;  ///< serve would start and log these
};

/// Finds everything that `serve` would refuse or warn about, without connecting to anything: the address to
/// bind, the source of blocks, and the files and folders that the configuration names. The warnings of loading
/// (LoadedConfig::warnings) are among the warnings.
[[nodiscard]] StartFindings check_start(const LoadedConfig& loaded, const StartOptions& options);

}  // namespace ioswarm::cli
