// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "cli/log_sink.hpp"
#include "cli/log_style.hpp"
#include "cli/open_files.hpp"
#include "cli/output_place.hpp"
#include "cli/serve/app.hpp"
#include "cli/serve/places.hpp"
#include "cli/signals.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::uint64_t kMaxTestAgents = 1'000;
constexpr std::chrono::milliseconds kStopTime{7'000};
/// Longest time from the first signal to the end, even if serve is still starting. Threads that hang by then
/// are abandoned.
constexpr std::chrono::milliseconds kShutdownTime{8'000};
/// Longest time that a forced end spends on writing the last log lines.
constexpr std::chrono::milliseconds kLastLines{500};

struct ServeCommand {
    ConfigOptions config;
    ServeOptions options;
};

Status check(const ServeCommand& command, const ServeConfig& config) {
    if (command.options.test_agents == 0) return {};
    if (command.options.test_agents > kMaxTestAgents) {
        return fail(ErrorCode::usage, "serve", "--with-agents", fmt::format("at most {}", kMaxTestAgents));
    }
    if (uses_node(config)) {
        return fail(ErrorCode::usage, "serve", "--with-agents",
                    "test agents would take tasks and a share of the rewards from the agents of a real node",
                    "leave --with-agents out, or leave node.grpc and node.web3 out to try things out");
    }
    if (!config.tls_cert.empty()) {
        return fail(ErrorCode::usage, "serve", "--with-agents", "test agents do not speak TLS",
                    "leave out tls.cert and tls.key to try things out");
    }
    return {};
}

/// Checks everything that can be checked before anything is opened. Prints problems to io.err.
ExitCode check_start(const ServeCommand& command, const LoadedConfig& loaded, Io& io) {
    std::vector<Error> wrong;
    if (const Status checked = check(command, loaded.settings); !checked) wrong.push_back(checked.error());
    if (const Status source = check_block_source(loaded, command.options.embedded); !source)
        wrong.push_back(source.error());
    for (Error& missing : missing_files(loaded.settings)) {
        missing.which = place_of(loaded, missing.which);
        wrong.push_back(std::move(missing));
    }
    for (Error& place : wrong_places(loaded.settings)) {
        place.which = place_of(loaded, place.which);
        wrong.push_back(std::move(place));
    }
    for (const Error& error : wrong)
        print_error(io, error);
    return wrong.empty() ? ExitCode::ok : exit_code_for(wrong.front().code);
}

/// Makes errors at the start use the format and colour of the log. Errors of the command line itself come
/// before the configuration is read; for them dispatch() has already applied --log-format and --color.
void print_as_the_log(const ServeConfig& config, Io& io) {
    const LogStyle style = log_style(config.log_format, config.log_color);
    io.json_errors = style.format == LogFormat::json;
    if (config.log_color != "auto") io.colour = style.colour;
}

/// True if all files can be read a second time. A pipe, such as one from a shell's <(command), cannot: it would
/// look like an empty file.
bool can_read_again(const std::vector<std::string>& files) {
    return std::all_of(files.begin(), files.end(), [](const std::string& file) {
        std::error_code ignored;
        return std::filesystem::is_regular_file(file, ignored);
    });
}

/// The options of the command with what a reload needs. `writer` must outlive the result.
ServeOptions options_for(const ServeCommand& command, const LoadedConfig& loaded, LogWriter& writer) {
    ServeOptions options = command.options;
    options.loaded = loaded;
    if (can_read_again(loaded.files)) {
        ConfigSources sources = command.config.sources();
        sources.open_named_files = false;  // a secret may come from a pipe
        options.load = [sources = std::move(sources)] { return load_config(sources); };
    }
    options.set_log = [&writer](const ServeConfig& fresh) {
        writer.set_style(log_style(fresh.log_format, fresh.log_color));
        writer.set_levels(log_levels_from(fresh.log_level));
    };
    return options;
}

ExitCode run_serve(const ServeCommand& command, Io& io) {
    block_hangup();
    ExitCode code = ExitCode::ok;
    const auto loaded = load_or_report(command.config, io, code);
    if (!loaded) return code;
    const ServeConfig& config = loaded->settings;
    print_as_the_log(config, io);
    code = check_start(command, *loaded, io);
    if (code != ExitCode::ok) return code;
    std::signal(SIGPIPE, SIG_IGN);
    LogWriter writer(log_style(config.log_format, config.log_color), log_levels_from(config.log_level));
    const Log log = writer.log();

    if (const auto warning = open_files_warning(config.max_agents, raise_open_file_limit()))
        log.warn("{}", *warning);

    std::mutex mutex;
    ServeApp* running = nullptr;  // guarded by mutex; null before the start and after the stop
    // Guarded by mutex; a SIGHUP came during the start, perhaps after the configuration was read.
    bool hung_up_early = false;
    SignalPlan plan;
    plan.on_hangup = [&] {
        const std::lock_guard lock(mutex);
        if (running != nullptr) {
            running->reload();
        } else {
            hung_up_early = true;
        }
    };
    plan.end_within = kShutdownTime;
    plan.log = log;
    plan.before_forced_end = [&writer] { (void)writer.flush(kLastLines); };
    // A slow disk is not a failure: an agent gets its reply only after the ledger has stored the answer.
    std::atomic<bool> agents_are_gone = false;
    plan.may_end_early = [&agents_are_gone] { return agents_are_gone.load(); };
    const SignalReader signals(std::move(plan));
    const ServeOptions options = options_for(command, *loaded, writer);
    auto app = ServeApp::start(config, options, log, [&writer] { return writer.dropped(); });
    if (!app) return report_error(io, app.error());
    const auto set_running = [&](ServeApp* value) {
        const std::lock_guard lock(mutex);
        running = value;
        if (running != nullptr && std::exchange(hung_up_early, false)) running->reload();
    };
    set_running(app->get());
    signals.wait();
    set_running(nullptr);
    (*app)->stop(kStopTime, [&agents_are_gone] { agents_are_gone = true; });
    app->reset();
    log.info("ended");
    return ExitCode::ok;
}

}  // namespace

Runner add_serve(CLI::App& app) {
    auto command = std::make_shared<ServeCommand>();
    app.add_option("--with-agents", command->options.test_agents,
                   "start N test agents, which join this coordinator")
        ->type_name("N");
    app.add_flag("--insecure-bind", command->options.insecure_bind,
                 "allow addresses other than loopback although there is no master secret");
    app.add_flag("--embedded", command->options.embedded,
                 "run the embedded chain even if the configuration files name neither a node nor a chain");
    app.add_option("--ready-file", command->options.ready_file,
                   "write process id and ports as JSON into FILE once everything runs")
        ->type_name("FILE")
        ->check(refuse_standard_output);
    add_config_options(app, command->config, KeyFlags::shown);
    return [command](Io& io) { return run_serve(*command, io); };
}

}  // namespace ioswarm::cli
