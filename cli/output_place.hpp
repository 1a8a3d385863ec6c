// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Checks that the directory of a file to be written exists, before any work is done for it. Report the error
/// as one of an output (Concerns::output). Error: not_found, with the command that makes the directory.
[[nodiscard]] Status check_output_directory(const std::string& file);

}  // namespace ioswarm::cli
