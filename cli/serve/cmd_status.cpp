// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>
#include <ostream>
#include <string>

#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "cli/json_option.hpp"
#include "cli/serve/control_client.hpp"
#include "cli/serve/status_report.hpp"
#include "cli/signals.hpp"
#include "core/base/pause.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::chrono::seconds kWatchInterval{2};
constexpr const char* kClearScreen = "\033[H\033[2J";
constexpr const char* kStatusPath = "/control/status";

struct StatusCommand {
    ConfigOptions config;
    bool watch = false;
    bool json = false;
};

std::string formatted(const std::string& document, bool json) {
    return json ? document : status_report(document);
}

/// Prints the status again and again, until a signal ends it. If `ioswarm serve` stops meanwhile, the error is
/// shown and the command continues, because serve may be started again.
ExitCode watch_status(const StatusCommand& command, const ControlClient& client, Io& io) {
    const SignalReader signals;
    const bool clear = !command.json && ::isatty(STDOUT_FILENO) == 1;
    while (pause_for(kWatchInterval, signals.token()) && io.out) {
        const auto status = client.get(kStatusPath);
        if (!status && command.json) {
            print_error(io, status.error());
            continue;
        }
        const std::string text =
            status ? formatted(*status, command.json) : escape_for_display(status.error().text()) + "\n";
        io.out << (clear ? kClearScreen : command.json ? "" : "\n") << text << std::flush;
    }
    return ExitCode::ok;
}

ExitCode run_status(const StatusCommand& command, Io& io) {
    ExitCode code = ExitCode::ok;
    constexpr bool kOpenNamedFiles = false;  // only the data directory is needed
    const auto loaded = load_or_report(command.config, io, code, kOpenNamedFiles);
    if (!loaded) return code;
    const ControlClient client(loaded->settings.data_dir, "ioswarm status");
    const auto status = client.get(kStatusPath);  // the first request must succeed, also with --watch
    if (!status) return report_error(io, status.error());
    io.out << formatted(*status, command.json) << std::flush;
    return command.watch ? watch_status(command, client, io) : ExitCode::ok;
}

}  // namespace

Runner add_status(CLI::App& app) {
    auto command = std::make_shared<StatusCommand>();
    app.add_flag("--watch", command->watch,
                 fmt::format("print the status again every {} s, until Ctrl-C", kWatchInterval.count()));
    add_json_option(app, command->json, "print a JSON document; with --watch, one per line");
    add_config_options(app, command->config, KeyFlags::hidden);
    app.footer("All configuration flags of 'ioswarm serve' are accepted too, to find its data directory.");
    return [command](Io& io) { return run_status(*command, io); };
}

}  // namespace ioswarm::cli
