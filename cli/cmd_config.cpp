// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config/keys.hpp"
#include "cli/config_options.hpp"
#include "cli/serve/settings.hpp"
#include "core/auth/access.hpp"
#include "core/crypto/tls_pair.hpp"

namespace ioswarm::cli {
namespace {

struct ConfigCommand {
    ConfigOptions config;
    bool json = false;
    bool insecure_bind = false;
    CLI::App* check = nullptr;
    CLI::App* show = nullptr;
};

/// Checks everything that `serve` checks before it opens anything: the address to bind, and the files that it
/// would read.
std::vector<Error> check_start(const ServeConfig& config, bool insecure_bind) {
    std::vector<Error> out = missing_files(config);
    if (!out.empty()) return out;
    if (const auto address = bind_address(config, insecure_bind); !address) out.push_back(address.error());
    if (const auto access = AccessControl::open({"", config.agents_allowed, config.agents_revoked}); !access) {
        out.push_back(access.error());
    }
    if (!config.tls_cert.empty()) {
        if (const auto pair = load_tls_pair(config.tls_cert, config.tls_key); !pair)
            out.push_back(pair.error());
    }
    return out;
}

ExitCode run_check(const ConfigCommand& command, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto loaded = load_or_report(command.config, io, code);
    if (!loaded) return code;
    const std::vector<Error> wrong = check_start(loaded->settings, command.insecure_bind);
    for (const Error& error : wrong)
        print_error(io, error);
    if (!wrong.empty()) return exit_code_for(wrong.front().code);
    for (const std::string& warning : diff_warnings(loaded->settings))
        print_warning(io, warning);
    if (const Status source = check_block_source(*loaded, false); !source) {
        print_warning(
            io, fmt::format("'serve' will refuse to start: {}; {}", source.error().why, source.error().hint));
    }
    const auto set = std::count_if(loaded->values.begin(), loaded->values.end(), [](const ConfigValue& value) {
        return value.origin.kind != OriginKind::fallback;
    });
    io.err << fmt::format("configuration is good: {} of {} keys are set\n", set, loaded->values.size());
    return ExitCode::ok;
}

void show_text(const LoadedConfig& loaded, Io& io) {
    for (std::size_t i = 0; i < config_keys().size(); ++i) {
        io.out << fmt::format("{:<26} = {:<24} # {}\n", config_keys()[i].name, shown_value(i, loaded),
                              to_string(loaded.values[i].origin));
    }
}

void show_json(const LoadedConfig& loaded, Io& io) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < config_keys().size(); ++i) {
        out[std::string(config_keys()[i].name)] = {{"value", shown_value(i, loaded)},
                                                   {"origin", to_string(loaded.values[i].origin)}};
    }
    io.out << out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

ExitCode run_show(const ConfigCommand& command, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto loaded = load_or_report(command.config, io, code);
    if (!loaded) return code;
    command.json ? show_json(*loaded, io) : show_text(*loaded, io);
    return ExitCode::ok;
}

}  // namespace

Runner add_config(CLI::App& app) {
    app.require_subcommand(1);
    auto command = std::make_shared<ConfigCommand>();
    const std::string footer = "Every configuration flag of 'ioswarm serve' is taken too.";
    command->check =
        app.add_subcommand("check", "check the configuration and say everything that is wrong with it");
    command->check->add_flag("--insecure-bind", command->insecure_bind,
                             "check for a start with --insecure-bind");
    command->show = app.add_subcommand("show", "print every key with its value and where that came from");
    command->show->add_flag("--json", command->json, "print JSON");
    for (CLI::App* sub : {command->check, command->show})
        sub->footer(footer);
    // Both subcommands fill the same set of options, because only one of them is ever parsed.
    add_config_options(*command->check, command->config, KeyFlags::hidden);
    add_config_options(*command->show, command->config, KeyFlags::hidden);
    return [command](Io& io) {
        return command->check->parsed() ? run_check(*command, io) : run_show(*command, io);
    };
}

}  // namespace ioswarm::cli
