// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/duration_option.hpp"
#include "cli/run_command.hpp"
#include "cli/snapshot_commands.hpp"
#include "cli/snapshot_progress.hpp"
#include "cli/stop_on_signal.hpp"
#include "core/base/text.hpp"
#include "snapshot/export.hpp"

namespace ioswarm::cli {
namespace {

struct ExportCommand {
    snapshot::ExportOptions options;
    std::string namespaces;
    std::string compression = "default";
    std::string publish;
    bool stats = false;
    bool json = false;
    bool quiet = false;
};

Status fill_options(ExportCommand& command) {
    if (!command.namespaces.empty()) {
        command.options.namespaces.clear();
        for (std::size_t at = 0; at <= command.namespaces.size();) {
            const std::size_t comma = std::min(command.namespaces.find(',', at), command.namespaces.size());
            const std::string name = command.namespaces.substr(at, comma - at);
            if (name.empty()) {
                return fail(ErrorCode::usage, "snapshot export", "--namespaces", "a name in the list is empty");
            }
            command.options.namespaces.push_back(name);
            at = comma + 1;
        }
    }
    if (command.compression == "fast") command.options.compression = snapshot::Compression::fast;
    if (command.compression == "small") command.options.compression = snapshot::Compression::small;
    return {};
}

nlohmann::ordered_json as_json(const snapshot::ExportReport& report, const std::string& output) {
    nlohmann::ordered_json namespaces = nlohmann::ordered_json::object();
    for (const auto& [name, stats] : report.namespaces) {
        namespaces[name] = {
            {"entries", stats.entries}, {"key_bytes", stats.key_bytes}, {"value_bytes", stats.value_bytes}};
    }
    return {{"file", output},
            {"height", report.height},
            {"source", report.source_kind},
            {"entries", report.entries},
            {"bytes", report.file_bytes},
            {"payload_bytes", report.raw_bytes},
            {"sha256", to_hex(report.file_sha256.view())},
            {"payload_sha256", to_hex(report.payload_sha256.view())},
            {"namespaces", namespaces},
            {"missing", report.missing},
            {"seconds", std::chrono::duration<double>(report.elapsed).count()}};
}

void print_report(const ExportCommand& command, const snapshot::ExportReport& report, Io& io) {
    if (command.json) {
        io.out << as_json(report, command.options.output).dump(2) << '\n';
        return;
    }
    if (command.quiet) return;
    io.out << fmt::format("{}: height {}, {} entries, {} from {}, {}\n",
                          escape_for_display(command.options.output), report.height, report.entries,
                          format_bytes(report.file_bytes), format_bytes(report.raw_bytes),
                          go_duration(std::chrono::duration_cast<std::chrono::milliseconds>(report.elapsed)));
    if (!command.stats) return;
    for (const auto& [name, stats] : report.namespaces) {
        io.out << fmt::format("  {:<12} {:>12} entries  {:>10} keys  {:>10} values\n", escape_for_display(name),
                              stats.entries, format_bytes(stats.key_bytes), format_bytes(stats.value_bytes));
    }
    io.out << "  sha256 " << to_hex(report.file_sha256.view()) << '\n';
}

ExitCode publish(const ExportCommand& command, Io& io) {
    auto words = split_words(command.publish);
    const std::string& output = command.options.output;
    if (words) {
        for (const std::string& file :
             {output, output + ".sha256", output.substr(0, output.rfind('/') + 1) + "snapshot-meta.json"})
            words->push_back(file);
    }
    const Status ran = words ? run_program(*words) : Status(fail(words.error()));
    if (ran) return ExitCode::ok;
    print_error(io, ran.error());
    return exit_code_for(ran.error().code);
}

ExitCode run_export(ExportCommand& command, Io& io) {
    const StopOnSignal stop;
    Status filled = fill_options(command);
    if (filled && !command.publish.empty()) {
        if (auto words = split_words(command.publish); !words) filled = fail(words.error());
    }
    if (!filled) {
        print_error(io, filled.error());
        return exit_code_for(filled.error().code);
    }
    using Mode = SnapshotProgress::Mode;
    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    SnapshotProgress progress(io.err, command.quiet ? Mode::silent : terminal ? Mode::terminal : Mode::log);
    const auto report = snapshot::export_snapshot(
        command.options, [&](const snapshot::ExportProgress& at) { progress.show(at); }, stop.token());
    progress.show({snapshot::ExportProgress::Phase::done, {}, 0, 0, 1});
    if (!report) {
        print_error(io, report.error());
        return stop.exit_code(exit_code_for(report.error().code));
    }
    if (report->big_endian_height)
        print_warning(io, "the height is stored big-endian, as older tools wrote it");
    for (const std::string& name : report->missing)
        print_warning(io, fmt::format("no namespace {}: left out", escape_for_display(name)));
    print_report(command, *report, io);
    return command.publish.empty() ? ExitCode::ok : publish(command, io);
}

Runner add_export_options(CLI::App& app) {
    auto command = std::make_shared<ExportCommand>();
    snapshot::ExportOptions& options = command->options;
    app.add_option("--source", options.source, "trie.db of the node: a BoltDB file or a PebbleDB directory")
        ->type_name("PATH")
        ->required();
    app.add_option("--output", options.output, "the snapshot to make, for example acctcode.snap.gz")
        ->type_name("FILE")
        ->required();
    app.add_option("--namespaces", command->namespaces,
                   "comma-separated, in this order (Account,Code,Contract)")
        ->type_name("LIST");
    app.add_flag("--stats", command->stats, "print what each namespace holds");
    add_duration_option(app, "--timeout", options.timeout, "give up after this; 0 = never (30m)");
    app.add_option("--compression", command->compression, "fast, default or small")
        ->type_name("PROFILE")
        ->check(CLI::IsMember({"fast", "default", "small"}));
    add_duration_option(app, "--lock-timeout", options.lock_timeout,
                        "how long to wait for a node to let go (10s)");
    app.add_option("--threads", options.threads, "that compress; 0 = one a core (0)")
        ->type_name("N")
        ->check(CLI::Range(0, 256));
    app.add_flag("--allow-missing", options.allow_missing, "leave out a namespace that is not there");
    auto* live = app.add_flag("--live", options.live, "read a running node's PebbleDB, without its lock");
    app.add_flag("--snapshot-copy", options.reflink_copy,
                 "read a copy of a running node's BoltDB that shares its blocks")
        ->excludes(live);
    app.add_option("--publish-cmd", command->publish, "run this with the finished files, without a shell")
        ->type_name("COMMAND");
    app.add_flag("--json", command->json, "print what was made as JSON");
    app.add_flag("-q,--quiet", command->quiet, "say nothing but errors");
    return [command](Io& io) { return run_export(*command, io); };
}

}  // namespace

Runner add_l4baseline(CLI::App& app) {
    return add_export_options(app);
}

Runner add_snapshot(CLI::App& app) {
    app.require_subcommand(1);
    CLI::App* make = app.add_subcommand("export", "make a snapshot from a node's trie.db");
    const Runner run_make = add_export_options(*make);

    CLI::App* verify = app.add_subcommand("verify", "read a snapshot whole and check everything in it");
    auto verify_options = std::make_shared<VerifyOptions>();
    verify->add_option("file", verify_options->file, "the snapshot")->type_name("FILE")->required();
    verify->add_flag("--json", verify_options->json, "print the answer as JSON");
    verify->add_flag("-q,--quiet", verify_options->quiet, "answer by the exit status alone");

    CLI::App* inspect = app.add_subcommand("inspect", "show what a snapshot holds");
    auto inspect_options = std::make_shared<InspectOptions>();
    inspect->add_option("file", inspect_options->file, "the snapshot")->type_name("FILE")->required();
    inspect->add_flag("--entries", inspect_options->entries,
                      "list every entry: namespace, key, size of the value");
    inspect->add_option("--account", inspect_options->account, "show this account, io1… or 0x…")
        ->type_name("ADDRESS");
    inspect->add_flag("--json", inspect_options->json, "print JSON; entries as one object a line");

    CLI::App* diff = app.add_subcommand("diff", "compare the content of two snapshots");
    auto diff_options = std::make_shared<DiffOptions>();
    diff->add_option("a", diff_options->a, "the first snapshot")->type_name("A")->required();
    diff->add_option("b", diff_options->b, "the second snapshot")->type_name("B")->required();
    diff->add_flag("-q,--quiet", diff_options->quiet, "print the counts alone");
    diff->add_flag("--json", diff_options->json, "print the counts as JSON");

    return [=](Io& io) {
        if (verify->parsed()) return run_snapshot_verify(*verify_options, io);
        if (inspect->parsed()) return run_snapshot_inspect(*inspect_options, io);
        if (diff->parsed()) return run_snapshot_diff(*diff_options, io);
        return run_make(io);
    };
}

}  // namespace ioswarm::cli
