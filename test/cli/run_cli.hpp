// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cli/dispatch.hpp"

namespace ioswarm::test {

struct CliRun {
    int code = -1;
    std::string out;
    std::string err;
};

/// Runs the program in this process. `arguments` are those after its name.
inline CliRun run_cli(std::vector<std::string> arguments, const std::string& input = {},
                      const std::string& name = "/usr/bin/ioswarm") {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    cli::Io io{in, out, err, false};
    arguments.insert(arguments.begin(), name);
    const cli::ExitCode code = cli::dispatch(arguments, io);
    return CliRun{static_cast<int>(code), out.str(), err.str()};
}

}  // namespace ioswarm::test
