// SPDX-License-Identifier: Apache-2.0
#include "cli/empty_values.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/config/keys.hpp"

namespace ioswarm::cli {
namespace {

bool takes_value(const CLI::App& app, const std::string& name) {
    for (const CLI::Option* option : app.get_options()) {
        if (option->check_lname(name)) return option->get_expected_max() > 0;
    }
    const auto subcommands = app.get_subcommands({});
    return std::any_of(subcommands.begin(), subcommands.end(),
                       [&](const CLI::App* sub) { return takes_value(*sub, name); });
}

bool may_be_empty(const std::string& name) {
    const auto keys = config_keys();
    return std::any_of(keys.begin(), keys.end(), [&](const KeyRow& key) {
        return flag_name(key) == name && key.name != "dataDir" && key.name != "diffStorePath";
    });
}

/// "--output", or "FILE" for an argument without a name of its own.
std::string shown_name(const CLI::Option& option) {
    const auto& names = option.get_lnames();
    return names.empty() ? option.get_type_name() : "--" + names.front();
}

}  // namespace

void split_empty_values(const CLI::App& app, std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        const std::string& word = arguments[i];
        const bool has_form = word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1;
        if (!has_form || !takes_value(app, word.substr(2, word.size() - 3))) continue;
        arguments[i].pop_back();
        arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, "");
        ++i;
    }
}

std::optional<std::string> find_empty_value(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
        const auto& values = option->results();
        if (option->get_expected_max() == 0 || std::find(values.begin(), values.end(), "") == values.end())
            continue;
        if (const std::string name = shown_name(*option); !may_be_empty(name)) return name;
    }
    const auto chosen = app.get_subcommands();
    return chosen.empty() ? std::nullopt : find_empty_value(*chosen.front());
}

}  // namespace ioswarm::cli
