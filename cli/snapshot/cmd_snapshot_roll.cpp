// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/duration_option.hpp"
#include "cli/output_place.hpp"
#include "cli/signals.hpp"
#include "cli/snapshot/output_options.hpp"
#include "cli/snapshot/progress.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/open_diffs.hpp"
#include "snapshot/roll.hpp"

namespace ioswarm::cli {
namespace {

struct RollCommand {
    snapshot::RollOptions options;
    SnapshotOutputOptions output;
    std::chrono::milliseconds lock_timeout{10'000};
};

Result<snapshot::RollReport> roll(RollCommand& command, const JobTime& time, std::stop_token stop, Io& io) {
    IOSWARM_DO(
        apply_output_options(command.output, "snapshot roll", command.options, command.options.namespaces));
    const auto wait = std::min(command.lock_timeout, time.left().value_or(command.lock_timeout));
    IOSWARM_TRY(auto log, snapshot::open_diffs(command.options.diffs, {wait, stop}));
    command.options.timeout = time.left().value_or(std::chrono::milliseconds(0));
    SnapshotProgress progress(
        ProgressLine(io.err, ProgressLine::mode_for(command.output.quiet), "snapshot roll"));
    auto report = snapshot::roll_snapshot(
        command.options, *log, [&](const snapshot::ExportProgress& at) { progress.show(at); }, std::move(stop));
    progress.show({snapshot::ExportProgress::Phase::done, {}, 0, 0, 1});
    return report;
}

ExitCode run_roll(RollCommand& command, Io& io) {
    const SignalReader stop;
    const JobTime time(command.options.timeout);
    if (Status place = check_output_directory(command.options.output); !place)
        return report_error(io, place.error(), Concerns::output);
    const auto report = roll(command, time, stop.token(), io);
    if (!report) {
        print_error(io, report.error());
        return stop.exit_code(exit_code_for(report.error().code));
    }
    // Most snapshots omit the namespace Contract on purpose. Without Account and Code no agent can work.
    for (const std::string& name : report->left_out) {
        if (name != "Account" && name != "Code") continue;
        print_warning(
            io, fmt::format("{} is left out: the diffs write to it, and the base has no entry of it", name));
    }
    const MadeSnapshot made{
        report->made,
        command.options.output,
        command.options.keep,
        {{"base_height", report->base_height}, {"diffs", report->diffs}, {"writes", report->writes}},
        &report->left_out};
    const ExitCode code = tell_and_publish(command.output, made, time, stop.token(), io);
    return code == ExitCode::ok ? code : stop.exit_code(code);
}

}  // namespace

Runner add_roll_options(CLI::App& app) {
    auto command = std::make_shared<RollCommand>();
    app.add_option("--base", command->options.base, "the snapshot to start from; may be the output itself")
        ->type_name("FILE")
        ->required();
    app.add_option("--diffs", command->options.diffs,
                   "the log of diffs: that of 'ioswarm serve', or iotex-core's")
        ->type_name("FILE")
        ->required();
    app.add_option("--to", command->options.to, "height of the new snapshot; default: the newest of the log")
        ->type_name("HEIGHT")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{std::numeric_limits<std::int64_t>::max()}));
    add_duration_option(app, "--lock-timeout", command->lock_timeout,
                        "how long to wait until a node releases its lock (10s)");
    add_output_options(app, command->output, command->options,
                       "comma-separated: keep only these (all that the base has)");
    app.add_flag("--allow-missing", command->options.allow_missing,
                 "make a snapshot without Account or Code, if the base has none");
    return [command](Io& io) { return run_roll(*command, io); };
}

}  // namespace ioswarm::cli
