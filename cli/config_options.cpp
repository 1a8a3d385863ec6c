// SPDX-License-Identifier: Apache-2.0
#include "cli/config_options.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/config/keys.hpp"

namespace ioswarm::cli {
namespace {

std::string help_text(const KeyRow& key) {
    std::string out(key.help);
    if (!key.choices.empty()) out += fmt::format(": {}", describe_type(key));
    if (!key.fallback.empty() && key.help.find("default:") == std::string_view::npos) {
        out += fmt::format(" [{}]", key.fallback);
    }
    return out;
}

}  // namespace

ConfigSources ConfigOptions::sources() const {
    ConfigSources out;
    out.files = files;
    out.environment = process_environment();
    out.flags.resize(flags.size());
    for (std::size_t i = 0; i < flags.size(); ++i) {
        if (given[i]) out.flags[i] = flags[i];
    }
    return out;
}

void add_config_file_option(CLI::App& app, ConfigOptions& options) {
    app.add_option("--config", options.files,
                   "configuration file (YAML); may be repeated, later files override earlier ones")
        ->type_name("FILE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);  // the words after the file are not further files
}

void add_config_options(CLI::App& app, ConfigOptions& options, KeyFlags help) {
    add_config_file_option(app, options);
    const auto keys = config_keys();
    options.flags.resize(keys.size());
    options.given.resize(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto taken = [&options, i](const std::string& value) {
            options.flags[i] = value;
            options.given[i] = true;
        };
        CLI::Option* option = nullptr;
        if (std::holds_alternative<bool ServeConfig::*>(keys[i].field)) {
            // "--shadow-mode" alone means true. "--shadow-mode=false" needs the equals sign. This is an option
            // without arguments and not a CLI11 flag, because CLI11's flag functions throw something other than
            // a CLI11 error on a word that they do not know.
            option = app.add_option(flag_name(keys[i]), CLI::callback_t([taken](const CLI::results_t& words) {
                                        taken(words.back());
                                        return true;
                                    }),
                                    help_text(keys[i]))
                         ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
                         ->expected(0);
        } else {
            option = app.add_option_function<std::string>(flag_name(keys[i]), taken, help_text(keys[i]))
                         ->type_name(std::string(keys[i].value_name))
                         ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
        }
        option->group(help == KeyFlags::shown ? "Configuration" : "");
    }
}

std::optional<LoadedConfig> load_or_report(const ConfigOptions& options, Io& io, ExitCode& code,
                                           bool open_named_files) {
    ConfigSources sources = options.sources();
    sources.open_named_files = open_named_files;
    auto loaded = load_config(sources);
    if (!loaded) {
        for (const Error& error : loaded.error())
            print_error(io, error);
        code = exit_code_for(loaded.error().front().code);
        return std::nullopt;
    }
    for (const std::string& warning : loaded->warnings)
        print_warning(io, warning);
    return *std::move(loaded);
}

}  // namespace ioswarm::cli
