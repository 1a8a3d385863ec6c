// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Words of a command line as a shell would split them, quotes and backslashes understood, nothing expanded.
/// Error usage: no words, or a quote that is not closed.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text);

/// Runs a program without a shell and waits for it; it inherits the standard streams. The first word is looked
/// up in PATH. Errors: not_found, permission_denied, failed_check (it failed; says how).
[[nodiscard]] Status run_program(const std::vector<std::string>& words);

}  // namespace ioswarm::cli
