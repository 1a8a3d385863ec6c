// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace ioswarm::cli {

/// Declares --color for a command and its subcommands. Where the configuration's flags are, the flag of
/// log.color is the same option and stays. dispatch() reads the value before anything else is parsed, because
/// an error of the command line is coloured too.
void add_color_option(CLI::App& app);

}  // namespace ioswarm::cli
