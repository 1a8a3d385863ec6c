// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/duration_option.hpp"
#include "cli/json_option.hpp"
#include "cli/output_place.hpp"
#include "cli/signals.hpp"
#include "cli/snapshot/commands.hpp"
#include "cli/snapshot/output_options.hpp"
#include "cli/snapshot/progress.hpp"
#include "snapshot/export.hpp"
#include "snapshot/state_stats.hpp"

namespace ioswarm::cli {
namespace {

struct ExportCommand {
    snapshot::ExportOptions options;
    SnapshotOutputOptions output;
};

ExitCode run_export(ExportCommand& command, Io& io) {
    const SignalReader stop;
    const JobTime time(command.options.timeout);
    if (Status good = apply_output_options(command.output, "snapshot export", command.options,
                                           command.options.namespaces);
        !good) {
        print_error(io, good.error());
        return exit_code_for(good.error().code);
    }
    if (Status place = check_output_directory(command.options.output); !place)
        return report_error(io, place.error(), Concerns::output);
    SnapshotProgress progress(
        ProgressLine(io.err, ProgressLine::mode_for(command.output.quiet), "snapshot export"));
    const auto report = snapshot::export_snapshot(
        command.options, [&](const snapshot::ExportProgress& at) { progress.show(at); }, stop.token());
    progress.show({snapshot::ExportProgress::Phase::done, {}, 0, 0, 1});
    if (!report) {
        print_error(io, report.error());
        return stop.exit_code(exit_code_for(report.error().code));
    }
    if (report->big_endian_height)
        print_warning(io, "the height is stored big-endian, as older tools wrote it");
    const ExitCode code = tell_and_publish(
        command.output, {*report, command.options.output, command.options.keep}, time, stop.token(), io);
    return code == ExitCode::ok ? code : stop.exit_code(code);
}

/// Runs `l4baseline --stats`. Like iotex-core's tool it only counts and exports nothing.
ExitCode run_stats(ExportCommand& command, Io& io) {
    const SignalReader stop;
    std::vector<std::string> namespaces;
    if (Status good = apply_output_options(command.output, "l4baseline", command.options, namespaces); !good) {
        print_error(io, good.error());
        return exit_code_for(good.error().code);
    }
    command.options.namespaces = std::move(namespaces);
    const auto stats = snapshot::read_state_stats(command.options, stop.token());
    if (!stats) {
        print_error(io, stats.error());
        return stop.exit_code(exit_code_for(stats.error().code));
    }
    if (stats->big_endian_height) print_warning(io, "the height is stored big-endian, as older tools wrote it");
    print_state_stats(command.options.source, *stats, command.output.json, io);
    return ExitCode::ok;
}

std::shared_ptr<ExportCommand> declare_export_options(CLI::App& app) {
    auto command = std::make_shared<ExportCommand>();
    snapshot::ExportOptions& options = command->options;
    app.add_option("--source", options.source, "trie.db of the node: a BoltDB file or a PebbleDB directory")
        ->type_name("PATH")
        ->required();
    add_output_options(app, command->output, options,
                       "comma-separated; written in this order (Account,Code,Contract)");
    add_duration_option(app, "--lock-timeout", options.lock_timeout,
                        "how long to wait until a node releases its lock (10s)");
    app.add_flag("--allow-missing", options.allow_missing, "continue if a namespace is missing");
    auto* live = app.add_flag("--live", options.live, "read a running node's PebbleDB, without its lock");
    app.add_flag("--snapshot-copy", options.reflink_copy,
                 "read a copy-on-write copy (reflink) of a running node's BoltDB file")
        ->excludes(live);
    return command;
}

Runner add_export_options(CLI::App& app) {
    return [command = declare_export_options(app)](Io& io) { return run_export(*command, io); };
}

}  // namespace

Runner add_l4baseline(CLI::App& app) {
    auto command = declare_export_options(app);
    app.get_option("--output")->required(false);
    app.get_option("--stats")->description(
        "print what each namespace of the state contains, and write nothing");
    return [command](Io& io) {
        if (command->output.stats) return run_stats(*command, io);
        if (!command->options.output.empty()) return run_export(*command, io);
        print_error(io, Error{ErrorCode::usage, "l4baseline", "", "--output is required",
                              "give --output FILE to make a snapshot, or --stats to examine only the state"});
        return ExitCode::usage;
    };
}

Runner add_snapshot(CLI::App& app) {
    app.require_subcommand(1);
    CLI::App* make = app.add_subcommand("export", "make a snapshot from a node's trie.db");
    const Runner run_make = add_export_options(*make);
    CLI::App* roll =
        app.add_subcommand("roll", "make a newer snapshot from a snapshot and a log of state diffs");
    const Runner run_roll = add_roll_options(*roll);

    CLI::App* verify = app.add_subcommand("verify", "read a whole snapshot and check everything in it");
    auto verify_options = std::make_shared<VerifyOptions>();
    verify->add_option("file", verify_options->file, "the snapshot, or the URL of a published one")
        ->type_name("FILE|URL")
        ->required();
    add_duration_option(*verify, "--timeout", verify_options->timeout,
                        "for a URL: give up after this time; 0 = never (2h)");
    verify->add_option("--ca-file", verify_options->ca_file, "for a URL: trust the certificates in this file")
        ->type_name("FILE");
    add_json_option(*verify, verify_options->json, "print the result as JSON");
    verify->add_flag("-q,--quiet", verify_options->quiet,
                     "print nothing; only the exit status tells the result");

    CLI::App* inspect = app.add_subcommand("inspect", "show what a snapshot contains");
    auto inspect_options = std::make_shared<InspectOptions>();
    inspect->add_option("file", inspect_options->file, "the snapshot")->type_name("FILE")->required();
    inspect->add_flag("--entries", inspect_options->entries,
                      "list every entry: namespace, key, size of the value");
    inspect->add_option("--account", inspect_options->account, "show this account, io1… or 0x…")
        ->type_name("ADDRESS");
    add_json_option(*inspect, inspect_options->json, "print JSON; entries as one object per line");

    CLI::App* diff = app.add_subcommand("diff", "compare the content of two snapshots");
    auto diff_options = std::make_shared<DiffOptions>();
    diff->add_option("a", diff_options->a, "the first snapshot")->type_name("FILE")->required();
    diff->add_option("b", diff_options->b, "the second snapshot")->type_name("FILE")->required();
    diff->add_flag("-q,--quiet", diff_options->quiet, "print only the counts");
    add_json_option(*diff, diff_options->json, "print the counts as JSON");

    return [=](Io& io) {
        if (verify->parsed()) return run_snapshot_verify(*verify_options, io);
        if (inspect->parsed()) return run_snapshot_inspect(*inspect_options, io);
        if (diff->parsed()) return run_snapshot_diff(*diff_options, io);
        return roll->parsed() ? run_roll(io) : run_make(io);
    };
}

}  // namespace ioswarm::cli
