// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <ostream>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "cli/json_option.hpp"
#include "cli/serve/settings.hpp"
#include "core/net/http_client.hpp"

namespace ioswarm::cli {
namespace {

struct HealthCommand {
    ConfigOptions config;
    bool live = false;
    bool ready = false;
    bool quiet = false;
    bool json = false;
};

ExitCode run_health(const HealthCommand& command, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto loaded = load_or_report(command.config, io, code);
    if (!loaded) return code;
    if (loaded->settings.swarm_api_port == 0) {
        return report_error(io, Error{ErrorCode::config, "cannot ask serve how it is", "swarmApiPort",
                                      "it is 0, so serve has no monitoring API", "set swarmApiPort"});
    }
    const auto port = static_cast<std::uint16_t>(loaded->settings.swarm_api_port);
    HttpSettings settings;
    settings.connect_timeout = settings.total_timeout = std::chrono::seconds(3);
    settings.max_response_bytes = 64 * 1024;
    auto client = HttpClient::create(
        "http://" + reachable(loaded->settings.listen, port) + (command.ready ? "/readyz" : "/livez"),
        settings);
    if (!client) return report_error(io, client.error());
    const auto answer = (*client)->get();
    if (!answer) {
        return report_error(io, Error{ErrorCode::failed_check,
                                      fmt::format("serve does not answer at {}", (*client)->name()),
                                      {},
                                      answer.error().why,
                                      "is it running? See: systemctl status ioswarm"});
    }
    if (answer->status != 200) {
        return report_error(io, Error{ErrorCode::failed_check,
                                      "serve is not ready",
                                      {},
                                      answer->body.substr(0, answer->body.find('\n')),
                                      {}});
    }
    const char* const state = command.ready ? "ready" : "live";
    if (command.json) {
        io.out << nlohmann::ordered_json{{"state", state}, {"api_at", (*client)->name()}}.dump() << '\n';
    } else if (!command.quiet) {
        io.out << state << '\n';
    }
    return ExitCode::ok;
}

}  // namespace

Runner add_health(CLI::App& app) {
    auto command = std::make_shared<HealthCommand>();
    auto* live = app.add_flag("--live", command->live, "ask whether the program is alive (default)");
    app.add_flag("--ready", command->ready, "ask whether it can do all of its work")->excludes(live);
    add_json_option(app, command->json, "print a JSON document");
    app.add_flag("-q,--quiet", command->quiet, "print nothing; only the exit status tells the result");
    add_config_options(app, command->config, KeyFlags::hidden);
    app.footer("All configuration flags of 'ioswarm serve' are accepted too, to find its monitoring API.");
    return [command](Io& io) { return run_health(*command, io); };
}

}  // namespace ioswarm::cli
