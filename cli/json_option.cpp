// SPDX-License-Identifier: Apache-2.0
#include "cli/json_option.hpp"

#include <string_view>

#include <CLI/CLI.hpp>

namespace ioswarm::cli {
namespace {

constexpr std::string_view kJson = "json";

}  // namespace

void add_json_option(CLI::App& app, bool& json, const std::string& help) {
    app.add_flag("--json", json, help);
    app.add_option_function<std::string>(
           "-o", [&json](const std::string&) { json = true; }, "'-o json' is the same as --json")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({std::string(kJson)}));
}

bool asks_for_json(std::span<const std::string> arguments) {
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--json" || argument == "-ojson") return true;
        if (argument == "-o" && i + 1 < arguments.size() && arguments[i + 1] == kJson) return true;
    }
    return false;
}

}  // namespace ioswarm::cli
