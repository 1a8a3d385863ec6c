// SPDX-License-Identifier: Apache-2.0
#include "cli/dispatch.hpp"

#include <algorithm>
#include <cstdlib>
#include <ostream>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/color_option.hpp"
#include "cli/commands.hpp"
#include "cli/config/suggest.hpp"
#include "cli/empty_values.hpp"
#include "cli/json_option.hpp"
#include "cli/version/build_info.hpp"

namespace ioswarm::cli {
namespace {

std::string overview() {
    std::string out =
        "ioswarm: an operator's toolkit beside an IoTeX node\n"
        "\n"
        "usage: ioswarm COMMAND [OPTION...]\n"
        "       ioswarm help [COMMAND]\n"
        "       ioswarm --version\n"
        "\n"
        "commands:\n";
    for (const CommandRow& row : commands())
        out += fmt::format("  {:<10} {}\n", row.name, row.summary);
    out += "\nThe same commands answer to the names ioswarm-COMMAND. Manual: man ioswarm.\n";
    return out;
}

ExitCode usage_error(Io& io, std::string what, std::string which, std::string why, std::string hint) {
    print_error(io,
                Error{ErrorCode::usage, std::move(what), std::move(which), std::move(why), std::move(hint)});
    return ExitCode::usage;
}

std::string suggestion(std::string_view found, std::string_view otherwise) {
    return found.empty() ? std::string(otherwise) : fmt::format("did you mean '{}'?", found);
}

/// Returns the app that the user called: the chosen subcommand, if the command has subcommands.
CLI::App& innermost(CLI::App& app) {
    CLI::App* current = &app;
    while (!current->get_subcommands().empty())
        current = current->get_subcommands().front();
    return *current;
}

bool is_option(const std::string& argument) {
    return argument.size() > 1 && argument[0] == '-';
}

/// CLI11 says only "Could not convert: --agents = abc". Returns what was expected: "--agents: 'abc' is not a
/// whole number, or it is too large".
std::string explain_conversion(const CLI::App& app, const std::string& message) {
    constexpr std::string_view kStart = "Could not convert: ";
    const std::size_t equals = message.find(" = ");
    if (!message.starts_with(kStart) || equals == std::string::npos) return message;
    const std::string name = message.substr(kStart.size(), equals - kStart.size());
    const std::string value = message.substr(equals + 3);
    const CLI::Option* option = app.get_option_no_throw(name);
    const std::string type = option == nullptr ? "" : option->get_type_name();
    const bool number =
        type.empty() || type.starts_with("N") || type == "HEIGHT" || type == "UINT" || type == "INT";
    return fmt::format("{}: '{}' is {}", name, value,
                       number ? "not a whole number, or it is too large" : "no " + type);
}

/// Reports the first argument that no option and no positional took, and suggests the nearest valid name.
ExitCode report_leftover(Io& io, CLI::App& app, const std::string& title,
                         const std::vector<std::string>& left) {
    const auto option = std::find_if(left.begin(), left.end(), is_option);
    const std::string& first = option != left.end() ? *option : left.front();
    const std::string see = fmt::format("see 'ioswarm help {}'", title);
    std::vector<std::string> names;
    if (option != left.end()) {
        for (const CLI::Option* known : innermost(app).get_options()) {
            for (const std::string& name : known->get_lnames())
                names.push_back("--" + name);
        }
    } else {
        for (const CLI::App* known : innermost(app).get_subcommands({}))
            names.push_back(known->get_name());
    }
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const std::string typed = first.substr(0, first.find('='));
    return usage_error(io, title, typed, option != left.end() ? "unknown option" : "unexpected argument",
                       suggestion(nearest(typed, candidates), see));
}

/// iotex-core's tools are Go programs, whose flags may have one dash: "-source X", "-stats=true". Adds the
/// second dash to arguments that name a long option of the command.
void accept_single_dashes(const CLI::App& app, std::vector<std::string>& arguments) {
    for (std::string& argument : arguments) {
        if (argument == "--") return;
        if (argument.size() < 3 || argument[0] != '-' || argument[1] == '-') continue;
        const std::string name = argument.substr(1, argument.find('=') - 1);
        for (const CLI::Option* option : app.get_options()) {
            if (option->check_lname(name)) {
                argument.insert(0, "-");
                break;
            }
        }
    }
}

/// Returns a question such as "which one: new, import, address or inspect?".
std::string which_one(const CLI::App& app) {
    const auto all = app.get_subcommands({});
    std::string names;
    for (std::size_t i = 0; i < all.size(); ++i)
        names += (i == 0 ? "" : i + 1 == all.size() ? " or " : ", ") + all[i]->get_name();
    return "which one: " + names + "?";
}

/// The value of this option, as the last "--name value" or "--name=value" gives it; else that of the
/// environment variable. For errors that come before the command line is parsed.
std::string early_value(const std::vector<std::string>& arguments, const std::string& option,
                        const char* variable) {
    const char* from_environment = std::getenv(variable);
    std::string value = from_environment == nullptr ? "" : from_environment;
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        if (arguments[i] == option && i + 1 < arguments.size()) value = arguments[i + 1];
        if (arguments[i].starts_with(option + "=")) value = arguments[i].substr(option.size() + 1);
    }
    return value;
}

ExitCode run_command(const CommandRow& row, std::vector<std::string> arguments, Io& io) {
    io.json_errors = asks_for_json(arguments);
    if (row.is_daemon && early_value(arguments, "--log-format", "IOSWARM_LOG_FORMAT") == "json")
        io.json_errors = true;
    const std::string color = early_value(arguments, "--color", "IOSWARM_LOG_COLOR");
    if (color == "always" || color == "never") io.colour = color == "always";
    CLI::App app{std::string(row.summary), fmt::format("ioswarm {}", row.name)};
    app.set_help_flag("-h,--help", "print this help and exit");
    // report_leftover() reports unknown arguments, with a suggestion. Subcommands inherit this setting.
    app.allow_extras();
    const Runner run = row.add(app);
    add_color_option(app);
    const bool needs_subcommand = app.get_require_subcommand_min() > 0;
    // Otherwise CLI11 would report a missing subcommand before we can report a misspelt one.
    app.require_subcommand(0, 1);
    const std::string title(row.name);
    if (!row.links.empty()) accept_single_dashes(app, arguments);
    split_empty_values(app, arguments);
    try {
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes the arguments from the back
        app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        io.out << app.help();
        return ExitCode::ok;
    } catch (const CLI::RequiredError& error) {
        // A misspelt option is a better explanation than the option that is therefore missing.
        const std::vector<std::string> left = app.remaining(true);
        if (std::any_of(left.begin(), left.end(), [](const std::string& arg) { return is_option(arg); }))
            return report_leftover(io, app, title, left);
        return usage_error(io, title, "", error.what(), fmt::format("see 'ioswarm help {}'", title));
    } catch (const CLI::ConversionError& error) {
        return usage_error(io, title, "", explain_conversion(innermost(app), error.what()),
                           fmt::format("see 'ioswarm help {}'", title));
    } catch (const CLI::ParseError& error) {
        return usage_error(io, title, "", error.what(), fmt::format("see 'ioswarm help {}'", title));
    }
    const std::vector<std::string> left = app.remaining(true);
    if (!left.empty()) return report_leftover(io, app, title, left);
    if (needs_subcommand && app.get_subcommands().empty())
        return usage_error(io, title, "", which_one(app), fmt::format("see 'ioswarm help {}'", title));
    if (const auto empty = find_empty_value(app))
        return usage_error(io, title, *empty, "the value is empty",
                           "a shell variable that is not set gives an empty value");
    return run(io);
}

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> all) {
    return std::find(all.begin(), all.end(), text) != all.end();
}

}  // namespace

ExitCode dispatch(std::span<const std::string> arguments, Io& io) {
    std::vector<std::string> rest(arguments.begin(), arguments.end());
    if (!rest.empty()) {
        const std::string called = rest.front().substr(rest.front().rfind('/') + 1);
        rest.erase(rest.begin());
        if (const CommandRow* row = find_command(called, true)) return run_command(*row, std::move(rest), io);
    }
    if (rest.empty()) {
        io.err << overview();
        return ExitCode::usage;
    }
    std::string name = rest.front();
    rest.erase(rest.begin());
    if (is_any_of(name, {"--version", "-V"})) {
        io.out << "ioswarm " << build_info().version << "\n";
        return ExitCode::ok;
    }
    if (is_any_of(name, {"--help", "-h", "help"})) {
        if (rest.empty() || is_any_of(rest.front(), {"--help", "-h", "help"})) {
            io.out << overview();
            return ExitCode::ok;
        }
        name = rest.front();
        rest.front() = "--help";
        std::rotate(rest.begin(), rest.begin() + 1,
                    rest.end());  // "help config show" becomes "config show --help"
    }
    if (const CommandRow* row = find_command(name)) return run_command(*row, std::move(rest), io);
    return usage_error(io, name, "", name.starts_with('-') ? "unknown option" : "unknown command",
                       suggestion(nearest_command(name), "'ioswarm help' lists the commands"));
}

}  // namespace ioswarm::cli
