// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <memory>
#include <tuple>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "cli/diffs/commands.hpp"
#include "cli/duration_option.hpp"
#include "cli/json_option.hpp"
#include "cli/output_place.hpp"
#include "cli/yes_option.hpp"

namespace ioswarm::cli {
namespace {

/// The largest height that a SQLite column can hold, since its integers are signed.
constexpr std::uint64_t kMaxHeight = std::numeric_limits<std::int64_t>::max();

/// The options of all subcommands. A command line fills in those of one subcommand only.
struct DiffsCommand {
    ConfigOptions config;
    DiffsImportOptions import;
    DiffsStatOptions stat;
    DiffsVerifyOptions verify;
    DiffsExportOptions print;
    DiffsRestartOptions restart;
};

/// If the command line names no log, reads the configuration and sets `log` to its path. Returns false on an
/// error, which is then already reported; `code` is the exit status.
bool find_log(const ConfigOptions& config, std::string& log, Io& io, ExitCode& code) {
    if (!log.empty()) return true;
    const auto loaded = load_or_report(config, io, code);
    if (!loaded) return false;
    log = diff_log_path(loaded->settings);
    return true;
}

/// Declares the option that names the log, and the configuration options from which find_log() gets the
/// default.
void add_log(CLI::App& app, DiffsCommand& command, std::string& log, const std::string& name,
             const std::string& help) {
    app.add_option(name, log, help + "; default: that of the configuration")->type_name("FILE");
    add_config_options(app, command.config, KeyFlags::hidden);
    app.footer("All configuration flags of 'ioswarm serve' are accepted too, to find the log.");
}

CLI::App* add_import(CLI::App& app, DiffsCommand& command) {
    DiffsImportOptions& options = command.import;
    CLI::App* sub =
        app.add_subcommand("import", "copy the diffs of a node's store, or of another log, into the log");
    sub->add_option("source", options.source, "iotex-core's statediffs.db, or a log of ioswarm")
        ->type_name("FILE")
        ->required();
    add_log(*sub, command, options.log, "--to", "the log to continue or to create");
    sub->get_option("--to")->check(refuse_standard_output);
    sub->add_option("--from", options.from, "skip diffs below this height")
        ->type_name("HEIGHT")
        ->check(CLI::Range(std::uint64_t{1}, kMaxHeight));
    add_duration_option(*sub, "--lock-timeout", options.lock_timeout,
                        "how long to wait until a node releases its lock (10s)");
    add_json_option(*sub, options.json, "print what was done as JSON");
    sub->add_flag("-q,--quiet", options.quiet, "print only errors");
    return sub;
}

CLI::App* add_export(CLI::App& app, DiffsCommand& command) {
    DiffsExportOptions& options = command.print;
    CLI::App* sub = app.add_subcommand("export", "print diffs, one JSON object per line");
    add_log(*sub, command, options.log, "log", "the log, of either kind");
    for (const auto& [name, height, help] :
         {std::tuple{"--from", &options.from, "first height"}, {"--to", &options.to, "last height"}}) {
        sub->add_option(name, *height, help)
            ->type_name("HEIGHT")
            ->check(CLI::Range(std::uint64_t{1}, kMaxHeight));
    }
    add_json_option(*sub, options.json, "accepted; the output is always JSON");
    return sub;
}

}  // namespace

Runner add_diffs(CLI::App& app) {
    app.require_subcommand(1);
    auto command = std::make_shared<DiffsCommand>();
    const CLI::App* import = add_import(app, *command);

    CLI::App* stat = app.add_subcommand("stat", "show what a log contains");
    add_log(*stat, *command, command->stat.log, "log", "the log, of either kind");
    add_json_option(*stat, command->stat.json, "print JSON");

    CLI::App* verify = app.add_subcommand("verify", "read a whole log and check every diff in it");
    add_log(*verify, *command, command->verify.log, "log", "the log, of either kind");
    add_json_option(*verify, command->verify.json, "print the result as JSON");
    verify->add_flag("-q,--quiet", command->verify.quiet,
                     "print nothing; only the exit status tells the result");

    const CLI::App* print = add_export(app, *command);

    CLI::App* restart =
        app.add_subcommand("restart", "empty the log, so that it can start again at another height");
    add_log(*restart, *command, command->restart.log, "log", "the log");
    restart
        ->add_option("--from", command->restart.from,
                     "first height of the log; default: the oldest that the source has")
        ->type_name("HEIGHT")
        ->check(CLI::Range(std::uint64_t{1}, kMaxHeight));
    add_yes_option(*restart, command->restart.yes);
    add_json_option(*restart, command->restart.json, "print what was done as JSON");

    return [=](Io& io) {
        ExitCode code = ExitCode::ok;
        const auto with_log = [&](auto& options, auto run) {
            return find_log(command->config, options.log, io, code) ? run(options, io) : code;
        };
        if (import->parsed()) return with_log(command->import, run_diffs_import);
        if (stat->parsed()) return with_log(command->stat, run_diffs_stat);
        if (verify->parsed()) return with_log(command->verify, run_diffs_verify);
        if (print->parsed()) return with_log(command->print, run_diffs_export);
        return with_log(command->restart, run_diffs_restart);
    };
}

}  // namespace ioswarm::cli
