// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ioswarm::cli {

/// Names and versions of the libraries that matter when a fault is reported. For a shared library it is the
/// version that is loaded, which may be newer than the one at build time. For a header-only library it is the
/// version at build time.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace ioswarm::cli
