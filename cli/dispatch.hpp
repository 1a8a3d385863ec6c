// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "cli/exit_code.hpp"
#include "cli/io.hpp"

namespace ioswarm::cli {

/// Runs the program. The first argument, or the name that the program was called by, chooses the command.
/// `arguments` begins with that name. A command that replaces one of iotex-core's tools also accepts flags with
/// one dash. Reports every failure on io.err.
[[nodiscard]] ExitCode dispatch(std::span<const std::string> arguments, Io& io);

}  // namespace ioswarm::cli
