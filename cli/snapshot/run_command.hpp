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

/// Words of a command line as a shell would split them, quotes and backslashes understood, nothing expanded.
/// Error usage: no words, or a quote that is not closed.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text);

/// How long a program may run. Then, or when a stop is requested, it is ended: SIGTERM, and SIGKILL `grace`
/// later.
struct ProgramLimits {
    std::stop_token stop{};
    std::optional<std::chrono::milliseconds> time{};  ///< nothing: as long as it likes
    std::chrono::milliseconds grace{5'000};
};

/// Runs a program without a shell and waits for it; it inherits the standard streams. The first word is looked
/// up in PATH. Where nobody sits at a terminal the program gets a process group of its own, so that what it
/// starts is ended with it; at a terminal it stays in ours, so that it may ask for a password. Errors:
/// not_found, permission_denied, failed_check (it failed; says how), cancelled (stop), timed_out.
[[nodiscard]] Status run_program(const std::vector<std::string>& words, const ProgramLimits& limits = {});

}  // namespace ioswarm::cli
