// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/config/config.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The circumstances of the start that is examined.
struct StartOptions {
    bool insecure_bind = false;  ///< with --insecure-bind
    bool embedded = false;       ///< with --embedded
    bool file_modes = true;      ///< also warn of files with secrets that other users may read
    /// Keys whose value is not known, because the configuration could not be read completely
    /// (ConfigReading::unknown_keys). What would follow from their values is left out.
    std::vector<std::string_view> unknown_keys;
};

/// The errors and warnings of a start, up to the point where it opens a port or a database. Each begins with
/// the place of the key that it is about: "FILE:LINE:COLUMN: ioswarm.KEY" (place_of()).
struct StartFindings {
    std::vector<Error> errors;          ///< serve would refuse to start
    std::vector<std::string> warnings;  ///< serve would start and log these
};

/// Finds everything that `serve` would refuse or warn about, without connecting to anything: the address to
/// bind, the source of blocks, and the files and folders that the configuration names. The warnings of loading
/// (LoadedConfig::warnings) are among the warnings.
[[nodiscard]] StartFindings check_start(const LoadedConfig& loaded, const StartOptions& options);

}  // namespace ioswarm::cli
