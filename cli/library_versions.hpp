// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ioswarm::cli {

/// Names and versions of the libraries that matter when a fault is reported. A shared library tells its own
/// version, which may be newer than the one at build time; a library of headers has that of the build.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace ioswarm::cli
