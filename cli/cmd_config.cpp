// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config/keys.hpp"
#include "cli/config_options.hpp"
#include "cli/config_yaml.hpp"
#include "cli/json_option.hpp"
#include "cli/serve/start_checks.hpp"

namespace ioswarm::cli {
namespace {

struct ConfigCommand {
    ConfigOptions config;
    bool json = false;
    bool insecure_bind = false;
    bool embedded = false;
    CLI::App* check = nullptr;
    CLI::App* show = nullptr;
    CLI::App* defaults = nullptr;
};

void print_json(const nlohmann::ordered_json& json, Io& io) {
    io.out << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

/// What a check found, for programs. The errors also stand on standard error, as those of every command do.
void print_findings(const std::vector<Error>& errors, const StartFindings& start, std::ptrdiff_t set,
                    std::size_t keys, Io& io) {
    using Json = nlohmann::ordered_json;
    Json list = Json::array();
    for (const Error& error : errors)
        list.push_back({{"code", to_string(error.code)}, {"message", error.text()}, {"hint", error.hint}});
    print_json(Json{{"good", errors.empty()},
                    {"keys_set", set},
                    {"keys", keys},
                    {"errors", std::move(list)},
                    {"warnings", start.warnings}},
               io);
}

ExitCode run_check(const ConfigCommand& command, Io& io) {
    ConfigReading reading = read_config(command.config.sources());
    StartFindings start = check_start(
        reading.config, {command.insecure_bind, command.embedded, /*file_modes=*/true, reading.unknown_keys});
    std::vector<Error> errors = std::move(reading.errors);
    std::move(start.errors.begin(), start.errors.end(), std::back_inserter(errors));
    for (const Error& error : errors)
        print_error(io, error);
    for (const std::string& warning : start.warnings)
        print_warning(io, warning);
    const LoadedConfig& loaded = reading.config;
    const auto set = std::count_if(loaded.values.begin(), loaded.values.end(), [](const ConfigValue& value) {
        return value.origin.kind != OriginKind::fallback;
    });
    if (command.json) print_findings(errors, start, set, loaded.values.size(), io);
    if (!errors.empty()) return exit_code_for(errors.front().code);
    if (!command.json)
        io.err << fmt::format("configuration is good: {} of {} keys are set\n", set, loaded.values.size());
    return ExitCode::ok;
}

void show_json(const LoadedConfig& loaded, Io& io) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < config_keys().size(); ++i) {
        out[std::string(config_keys()[i].name)] = {{"value", shown_value(i, loaded)},
                                                   {"origin", to_string(loaded.values[i].origin)}};
    }
    print_json(out, io);
}

ExitCode run_default(const ConfigCommand& command, Io& io) {
    if (!command.json) {
        io.out << default_config_yaml();
        return ExitCode::ok;
    }
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    for (const KeyRow& key : config_keys())
        out[std::string(key.name)] = {{"default", key.fallback}, {"help", key.help}};
    print_json(out, io);
    return ExitCode::ok;
}

ExitCode run_show(const ConfigCommand& command, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto loaded = load_or_report(command.config, io, code);
    if (!loaded) return code;
    if (command.json) {
        show_json(*loaded, io);
    } else {
        io.out << config_yaml(*loaded);
    }
    return ExitCode::ok;
}

}  // namespace

Runner add_config(CLI::App& app) {
    app.require_subcommand(1);
    auto command = std::make_shared<ConfigCommand>();
    const std::string footer = "All configuration flags of 'ioswarm serve' are accepted too.";
    command->check = app.add_subcommand("check", "check the configuration and report all mistakes in it");
    command->check->add_flag("--insecure-bind", command->insecure_bind, "check as for 'serve --insecure-bind'");
    command->check->add_flag("--embedded", command->embedded, "check as for 'serve --embedded'");
    command->show = app.add_subcommand("show", "print every key, its value and where the value comes from");
    command->defaults =
        app.add_subcommand("default", "print a commented example with every key and its default");
    for (CLI::App* sub : {command->check, command->show})
        sub->footer(footer);
    for (CLI::App* sub : {command->check, command->show, command->defaults})
        add_json_option(*sub, command->json, "print JSON");
    // Check and show fill the same set of options, because only one of them is ever parsed.
    add_config_options(*command->check, command->config, KeyFlags::hidden);
    add_config_options(*command->show, command->config, KeyFlags::hidden);
    return [command](Io& io) {
        if (command->defaults->parsed()) return run_default(*command, io);
        return command->check->parsed() ? run_check(*command, io) : run_show(*command, io);
    };
}

}  // namespace ioswarm::cli
