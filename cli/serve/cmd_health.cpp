// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <ostream>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "core/base/text.hpp"
#include "core/net/http_client.hpp"

namespace ioswarm::cli {
namespace {

struct HealthCommand {
    ConfigOptions config;
    bool live = false;
    bool ready = false;
    bool quiet = false;
};

ExitCode refuse(Io& io, const Error& error) {
    print_error(io, error);
    return exit_code_for(error.code);
}

/// Where the API of a serve with this configuration answers on this machine.
std::string api_url(const ServeConfig& config, std::string_view path) {
    const bool every = config.listen.empty() || config.listen == "0.0.0.0" || config.listen == "::";
    const std::string host = every ? "127.0.0.1" : config.listen;
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return fmt::format("http://{}:{}{}", is_ipv6 ? "[" + host + "]" : host, config.swarm_api_port, path);
}

ExitCode run_health(const HealthCommand& command, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto loaded = load_or_report(command.config, io, code);
    if (!loaded) return code;
    if (loaded->settings.swarm_api_port == 0) {
        return refuse(io, Error{ErrorCode::config, "cannot ask serve how it is", "swarmApiPort",
                                "it is 0, so serve has no monitoring API", "set swarmApiPort"});
    }
    HttpSettings settings;
    settings.connect_timeout = settings.total_timeout = std::chrono::seconds(3);
    settings.max_response_bytes = 64 * 1024;
    auto client = HttpClient::create(api_url(loaded->settings, command.ready ? "/readyz" : "/livez"), settings);
    if (!client) return refuse(io, client.error());
    const auto answer = (*client)->get();
    if (!answer) {
        return refuse(io, Error{ErrorCode::failed_check,
                                fmt::format("serve does not answer at {}", (*client)->name()),
                                {},
                                answer.error().why,
                                "is it running? See: systemctl status ioswarm"});
    }
    if (answer->status != 200) {
        return refuse(io, Error{ErrorCode::failed_check,
                                "serve is not ready",
                                {},
                                escape_for_display(answer->body.substr(0, answer->body.find('\n'))),
                                {}});
    }
    if (!command.quiet) io.out << (command.ready ? "ready\n" : "live\n");
    return ExitCode::ok;
}

}  // namespace

Runner add_health(CLI::App& app) {
    auto command = std::make_shared<HealthCommand>();
    auto* live = app.add_flag("--live", command->live, "is the program alive? (default)");
    app.add_flag("--ready", command->ready, "does it do its whole work?")->excludes(live);
    app.add_flag("-q,--quiet", command->quiet, "answer by the exit status alone");
    add_config_options(app, command->config, KeyFlags::hidden);
    app.footer("Every configuration flag of 'ioswarm serve' is taken too, to find its monitoring API.");
    return [command](Io& io) { return run_health(*command, io); };
}

}  // namespace ioswarm::cli
