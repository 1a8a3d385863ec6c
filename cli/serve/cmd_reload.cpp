// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "cli/json_option.hpp"
#include "cli/serve/control_client.hpp"
#include "cli/serve/reload_report.hpp"

namespace ioswarm::cli {
namespace {

struct ReloadCommand {
    ConfigOptions config;
    bool json = false;
};

ExitCode run_reload(const ReloadCommand& command, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto loaded = load_or_report(command.config, io, code, false);
    if (!loaded) return code;
    const ControlClient client(loaded->settings.data_dir, "ioswarm reload");
    const auto report = client.post("/control/reload");
    if (!report) return report_error(io, report.error());
    io.out << (command.json ? *report : reload_report(*report));
    return ExitCode::ok;
}

}  // namespace

Runner add_reload(CLI::App& app) {
    auto command = std::make_shared<ReloadCommand>();
    add_json_option(app, command->json, "print a JSON document");
    add_config_options(app, command->config, KeyFlags::hidden);
    app.footer("Also accepts every configuration flag of 'ioswarm serve', to find its data directory.");
    return [command](Io& io) { return run_reload(*command, io); };
}

}  // namespace ioswarm::cli
