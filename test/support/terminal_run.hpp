// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace ioswarm::test {

struct TerminalRun {
    int code = -1;       ///< the exit code, or 128 + the signal that killed the program
    std::string screen;  ///< all that was written to the terminal
};

/// Runs a program in a pseudo terminal, which is its standard input, output and error, and waits for its end.
/// Its environment contains only the given variables ("NAME=value"). Not for programs that wait for input.
[[nodiscard]] TerminalRun run_in_terminal(std::vector<std::string> arguments,
                                          std::vector<std::string> environment);

}  // namespace ioswarm::test
