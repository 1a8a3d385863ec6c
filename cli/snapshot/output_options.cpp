// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/output_options.hpp"
#include "cli/json_option.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/duration_option.hpp"
#include "cli/snapshot/run_command.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/companions.hpp"

namespace ioswarm::cli {
namespace {

Status split_list(const std::string& text, const std::string& job, std::vector<std::string>& names) {
    names.clear();
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        const std::string name = text.substr(at, comma - at);
        if (name.empty()) return fail(ErrorCode::usage, job, "--namespaces", "a name in the list is empty");
        if (std::find(names.begin(), names.end(), name) != names.end())
            return fail(ErrorCode::usage, job, "--namespaces", "a name is twice in the list: " + name);
        names.push_back(name);
        at = comma + 1;
    }
    return {};
}

nlohmann::ordered_json as_json(const MadeSnapshot& made) {
    const snapshot::ExportReport& report = made.report;
    nlohmann::ordered_json namespaces = nlohmann::ordered_json::object();
    for (const auto& [name, stats] : report.namespaces) {
        namespaces[name] = {
            {"entries", stats.entries}, {"key_bytes", stats.key_bytes}, {"value_bytes", stats.value_bytes}};
    }
    nlohmann::ordered_json out = {{"file", made.output},
                                  {"immutable", report.immutable},
                                  {"kind", snapshot::to_string(report.kind())},
                                  {"described", report.described},
                                  {"deleted", report.deleted},
                                  {"height", report.height},
                                  {"source", report.source_kind},
                                  {"entries", report.entries},
                                  {"bytes", report.file_bytes},
                                  {"payload_bytes", report.raw_bytes},
                                  {"sha256", to_hex(report.file_sha256.view())},
                                  {"payload_sha256", to_hex(report.payload_sha256.view())},
                                  {"namespaces", namespaces},
                                  {"missing", report.missing},
                                  {"warnings", report.warnings},
                                  {"seconds", std::chrono::duration<double>(report.elapsed).count()}};
    for (const auto& [name, number] : made.more)
        out[name] = number;
    if (made.left_out != nullptr) out["left_out"] = *made.left_out;
    return out;
}

std::string name_of(const std::string& path) {
    return path.substr(snapshot::folder_of(path).size());
}

/// Every snapshot stays unless --keep says otherwise, so somebody must be told when they pile up.
void warn_of_older(const MadeSnapshot& made, Io& io) {
    constexpr std::size_t kManyStored = 14;
    const snapshot::ExportReport& report = made.report;
    if (!report.not_deleted.empty())
        print_warning(io, "an older snapshot stays: " + report.not_deleted);
    else if (made.keep == 0 && report.stored > kManyStored)
        print_warning(
            io, fmt::format("{} snapshots of {} are stored, {} each: --keep 3 would delete the older ones",
                            report.stored, escape_for_display(made.output), format_bytes(report.file_bytes)));
}

void print_report(const SnapshotOutputOptions& options, const MadeSnapshot& made, Io& io) {
    const snapshot::ExportReport& report = made.report;
    if (options.json) {
        using nlohmann::ordered_json;
        io.out << as_json(made).dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
        return;
    }
    if (options.quiet) return;
    io.out << fmt::format("{}: height {}, {} entries, {} from {}, {}\n", escape_for_display(made.output),
                          report.height, report.entries, format_bytes(report.file_bytes),
                          format_bytes(report.raw_bytes),
                          go_duration(std::chrono::duration_cast<std::chrono::milliseconds>(report.elapsed)));
    io.out << fmt::format("  it is a link to {}\n", escape_for_display(name_of(report.immutable)));
    if (!report.described) {
        io.out << fmt::format("  {} still describes another snapshot, from which agents start\n",
                              snapshot::kMetaName);
    }
    for (const std::string& name : report.deleted)
        io.out << fmt::format("  deleted {}\n", escape_for_display(name));
    if (!options.stats) return;
    for (const auto& [name, stats] : report.namespaces) {
        io.out << fmt::format("  {:<12} {:>12} entries  {:>10} keys  {:>10} values\n", escape_for_display(name),
                              stats.entries, format_bytes(stats.key_bytes), format_bytes(stats.value_bytes));
    }
    for (const auto& [name, number] : made.more)
        io.out << fmt::format("  {:<12} {:>12}\n", name, number);
    io.out << "  sha256 " << to_hex(report.file_sha256.view()) << '\n';
}

/// The files under their fixed names, then the immutable ones, which the first of them is a link to.
std::vector<std::string> published_files(const MadeSnapshot& made) {
    const std::string& fixed = made.output;
    const std::string& immutable = made.report.immutable;
    return {fixed,     snapshot::sum_name(fixed),     snapshot::meta_name(fixed),
            immutable, snapshot::sum_name(immutable), snapshot::own_meta_name(immutable)};
}

ExitCode publish(const std::string& command, const MadeSnapshot& made, const JobTime& time,
                 std::stop_token stop, Io& io) {
    auto words = split_words(command);
    if (words) {
        for (std::string& file : published_files(made))
            words->push_back(std::move(file));
    }
    Status ran = words ? run_program(*words, {.stop = std::move(stop), .time = time.left()})
                       : Status(fail(words.error()));
    if (ran) return ExitCode::ok;
    Error error = ran.error();
    if (error.code == ErrorCode::timed_out) error.why = "the time of --timeout is over";
    if (error.hint.empty())
        error.hint =
            "the snapshot is complete: run the command by hand to publish " + escape_for_display(made.output);
    return report_error(io, error);
}

}  // namespace

void add_output_options(CLI::App& app, SnapshotOutputOptions& options, snapshot::OutputOptions& output,
                        const std::string& namespaces_help) {
    app.add_option("--output", output.output, "the snapshot to make, for example acctcode.snap.gz")
        ->type_name("FILE")
        ->check([](const std::string& file) -> std::string {
            if (file != "-") return "";
            return "a snapshot is not written to standard output, because files beside it describe it: name a "
                   "file";
        })
        ->required();
    app.add_option("--namespaces", options.namespaces, namespaces_help)->type_name("LIST");
    app.add_flag("--stats", options.stats, "print what each namespace contains");
    add_duration_option(app, "--timeout", output.timeout, "give up after this time; 0 = never (30m)");
    app.add_option("--compression", options.compression,
                   "compression profile: fast, default or small (default)")
        ->type_name("PROFILE")
        ->check(CLI::IsMember({"fast", "default", "small"}));
    app.add_option("--threads", output.threads, "number of threads that compress; 0 = one per core (0)")
        ->type_name("N")
        ->check(CLI::Range(0, 256));
    app.add_option("--keep", output.keep,
                   "how many snapshots of this output are kept, including the new one; 0 = all (0)")
        ->type_name("N")
        ->check(CLI::Range(0, 100'000));
    app.add_option("--publish-cmd", options.publish, "run this with the finished files, without a shell")
        ->type_name("COMMAND");
    add_json_option(app, options.json, "print what was made as JSON");
    app.add_flag("-q,--quiet", options.quiet, "print only errors");
}

Status apply_output_options(const SnapshotOutputOptions& options, const std::string& job,
                            snapshot::OutputOptions& output, std::vector<std::string>& namespaces) {
    if (!options.namespaces.empty()) {
        IOSWARM_DO(split_list(options.namespaces, job, namespaces));
    }
    if (options.compression == "fast") output.compression = snapshot::Compression::fast;
    if (options.compression == "small") output.compression = snapshot::Compression::small;
    if (options.publish.empty()) return {};
    IOSWARM_DO(split_words(options.publish));
    return {};
}

std::optional<std::chrono::milliseconds> JobTime::left() const {
    if (timeout_.count() == 0) return std::nullopt;
    const auto past =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_);
    return std::max(timeout_ - past, std::chrono::milliseconds(1));
}

ExitCode tell_and_publish(const SnapshotOutputOptions& options, const MadeSnapshot& made, const JobTime& time,
                          std::stop_token stop, Io& io) {
    for (const std::string& name : made.report.missing)
        print_warning(io, fmt::format("there is no namespace {}: the snapshot has no entry of it", name));
    for (const std::string& warning : made.report.warnings)
        print_warning(io, warning);
    print_report(options, made, io);
    warn_of_older(made, io);
    return options.publish.empty() ? ExitCode::ok : publish(options.publish, made, time, std::move(stop), io);
}

}  // namespace ioswarm::cli
