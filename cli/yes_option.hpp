// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace ioswarm::cli {

/// Adds -y and --yes, which answer a command's question with yes. `yes` must outlive the parsing.
void add_yes_option(CLI::App& app, bool& yes, const std::string& help = "do not ask");

}  // namespace ioswarm::cli
