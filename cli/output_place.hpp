// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Checks that the directory of a file to be written exists, before any work is done for it. Report the error
/// as one of an output (Concerns::output). Error: not_found, with the command that makes the directory.
[[nodiscard]] Status check_output_directory(const std::string& file);

/// For options that name what is to be made, which cannot be standard output: what is wrong with the name "-".
/// Nothing is wrong with any other.
[[nodiscard]] std::string refuse_standard_output(const std::string& file);

}  // namespace ioswarm::cli
