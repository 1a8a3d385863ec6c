// SPDX-License-Identifier: Apache-2.0
#include "cli/yes_option.hpp"

#include <CLI/CLI.hpp>

namespace ioswarm::cli {

void add_yes_option(CLI::App& app, bool& yes, const std::string& help) {
    app.add_flag("-y,--yes", yes, help);
}

}  // namespace ioswarm::cli
