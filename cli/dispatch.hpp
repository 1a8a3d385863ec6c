// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "cli/exit_code.hpp"
#include "cli/io.hpp"

namespace ioswarm::cli {

/// Runs the program: picks the command by the first argument, or by the name the program was called by, parses
/// its options and runs it. A command that replaces one of iotex-core's tools takes its flags with one dash
/// too. `arguments` begins with that name. Reports every failure on io.err.
[[nodiscard]] ExitCode dispatch(std::span<const std::string> arguments, Io& io);

}  // namespace ioswarm::cli
