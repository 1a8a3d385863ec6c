// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Splits a command line into words as a shell would. Handles quotes and backslashes, but expands nothing.
/// Error usage: no words, or a quote that is not closed.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text);

/// How long a program may run. After that time, or when a stop is requested, it gets SIGTERM, and SIGKILL
/// `grace` later.
struct ProgramLimits {
    std::stop_token stop{};
    std::optional<std::chrono::milliseconds> time{};  ///< nothing = no limit
    std::chrono::milliseconds grace{5'000};
};

/// Runs a program without a shell and waits for it. It inherits the standard streams. The first word is looked
/// up in PATH. Without a terminal the program gets its own process group, so that the processes it starts are
/// ended with it. On a terminal it stays in our group, so that it can ask for a password. Errors: not_found,
/// permission_denied, failed_check (it failed; says how), cancelled (stop), timed_out.
[[nodiscard]] Status run_program(const std::vector<std::string>& words, const ProgramLimits& limits = {});

}  // namespace ioswarm::cli
