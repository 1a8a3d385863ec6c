// SPDX-License-Identifier: Apache-2.0
#include "cli/color_option.hpp"

#include <string>

#include <CLI/CLI.hpp>

namespace ioswarm::cli {

void add_color_option(CLI::App& app) {
    for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
        add_color_option(*sub);
    if (CLI::Option* const flag = app.get_option_no_throw("--color")) {
        flag->group("Options");  // some commands do not list the configuration's flags
        return;
    }
    app.add_option_function<std::string>(
           "--color", [](const std::string&) {},
           "whether error messages are coloured: auto, always or never [auto]")
        ->type_name("WHEN")
        ->check(CLI::IsMember({std::string("auto"), std::string("always"), std::string("never")}));
}

}  // namespace ioswarm::cli
