// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/color_option.hpp"
#include "cli/commands.hpp"
#include "cli/config/keys.hpp"

namespace ioswarm::cli {
namespace {

std::vector<std::string> split_words(std::string_view text, char separator) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        if (end > 0) out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

/// Returns the words that an option accepts, if the list is fixed. The words of a configuration flag are in
/// config_keys(). For other options CLI11 writes them after the type's name: "LEVEL:{L1,L2,L3}".
std::vector<std::string> accepted_words(const CLI::Option& option) {
    for (const KeyRow& key : config_keys()) {
        if (!key.choices.empty() && option.check_lname(flag_name(key).substr(2)))
            return split_words(key.choices, '|');
    }
    const std::string type = option.get_type_name();
    const std::size_t open = type.find(":{");
    const std::size_t close = type.find('}', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos) return {};
    return split_words(std::string_view(type).substr(open + 2, close - open - 2), ',');
}

bool is_file_type(std::string_view type) {
    return type.starts_with("FILE") || type.starts_with("DIR") || type.starts_with("PATH");
}

CompletionOption describe_option(const CLI::Option& option) {
    CompletionOption out;
    for (const std::string& name : option.get_lnames())
        out.names.push_back("--" + name);
    for (const std::string& name : option.get_snames())
        out.names.push_back("-" + name);
    const std::string& help = option.get_description();
    out.help = help.substr(0, help.find('\n'));
    if (option.get_expected_max() == 0 || option.get_items_expected_max() == 0) return out;
    out.words = accepted_words(option);
    out.value = !out.words.empty()                     ? CompletionValue::words
                : is_file_type(option.get_type_name()) ? CompletionValue::file
                                                       : CompletionValue::any;
    return out;
}

void add_nodes(const CLI::App& app, const std::string& path, std::vector<CompletionNode>& out) {
    const std::size_t index = out.size();
    out.emplace_back();
    CompletionNode node;
    node.path = path;
    node.summary = app.get_description();
    for (const CLI::Option* option : app.get_options()) {
        const bool hidden = option->get_group().empty();
        const CompletionOption described = describe_option(*option);
        if (described.names.empty() || option->get_positional()) {
            node.words = accepted_words(*option);
            node.takes_files = is_file_type(option->get_type_name());
        }
        if (!described.names.empty() && !hidden) node.options.push_back(described);
    }
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        node.subcommands.push_back(sub->get_name());
        add_nodes(*sub, path + " " + sub->get_name(), out);
    }
    out[index] = std::move(node);
}

}  // namespace

std::vector<CompletionNode> completion_nodes() {
    std::vector<CompletionNode> out(1);
    CompletionNode program;
    program.subcommands = {"help"};
    program.options = {{{"--help", "-h"}, CompletionValue::none, {}, "print an overview"},
                       {{"--version", "-V"}, CompletionValue::none, {}, "print the version"}};
    for (const CommandRow& row : commands()) {
        program.subcommands.emplace_back(row.name);
        CLI::App app{std::string(row.summary), std::string(row.name)};
        app.set_help_flag("-h,--help", "print this help and exit");
        // The runner owns the variables that the options refer to.
        const Runner run = row.add(app);
        add_color_option(app);
        add_nodes(app, std::string(row.name), out);
    }
    out.front() = std::move(program);
    return out;
}

}  // namespace ioswarm::cli
