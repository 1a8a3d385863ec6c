// SPDX-License-Identifier: Apache-2.0
#include "cli/diffs/commands.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/diffs/log_faults.hpp"
#include "cli/progress_line.hpp"
#include "cli/serve/settings.hpp"
#include "cli/signals.hpp"
#include "core/base/line_reader.hpp"
#include "core/base/same_place.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/diffs/diff_file.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "snapshot/diff_import.hpp"
#include "snapshot/open_diffs.hpp"
#include "snapshot/store/diff_log.hpp"

namespace ioswarm::cli {
namespace {

using nlohmann::ordered_json;

/// Time to wait for a lock. It is short, because a node holds its store for as long as it runs.
constexpr std::chrono::milliseconds kLockTimeout{1'000};
/// Number of diffs between two progress messages of a long read.
constexpr std::uint64_t kTellDiffs = 64;

std::string dump(const ordered_json& json, int indent) {
    return json.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json as_json(const DiffRange& range) {
    if (range.empty()) return nullptr;
    return {{"floor", range.floor}, {"tip", range.tip}};
}

std::string in_words(const DiffRange& range) {
    return range.empty() ? "empty" : fmt::format("heights {} to {}", range.floor, range.tip);
}

std::uint64_t count(const DiffRange& range) {
    return range.empty() ? 0 : range.tip - range.floor + 1;
}

/// Checks that neither file is one of those that the other log consists of. SQLite reads and deletes the files
/// beside a log, so a new file under such a name would be lost.
Status check_apart(const std::string& source, const std::string& log) {
    const auto is_part = [](const std::string& file, const std::string& whole) {
        const std::vector<std::string> parts = diff_log_files(whole);
        return std::any_of(parts.begin(), parts.end(),
                           [&](const std::string& part) { return is_same_place(file, part); });
    };
    const char* const hint = "give the log another place with --to";
    if (is_part(source, log)) {
        return fail(ErrorCode::usage, "diffs import", source, "that file is a part of the log " + log, hint);
    }
    if (is_part(log, source)) {
        return fail(ErrorCode::usage, "diffs import", log,
                    "a file of that name is a part of the source " + source, hint);
    }
    return {};
}

/// Diffs of two chains do not fit together, so both must be of one chain, as far as they say their chain.
Status check_same_chain(const DiffsImportOptions& options, const std::optional<ChainIdentity>& of_source,
                        const std::optional<ChainIdentity>& of_log) {
    if (!of_source || !of_log || of_log->may_be(*of_source)) return {};
    return fail(ErrorCode::failed_precondition, "the diffs are of another chain than the log", options.source,
                fmt::format("it has {}, the log {} has {}", of_source->text(), options.log, of_log->text()),
                "import them into a log of their own: --to FILE");
}

Result<snapshot::ImportReport> import(const DiffsImportOptions& options, std::stop_token stop, Io& io) {
    IOSWARM_DO(check_apart(options.source, options.log));
    IOSWARM_TRY(auto source, snapshot::open_diffs(options.source, {options.lock_timeout, stop}));
    IOSWARM_TRY(auto log, SqliteDiffStore::open(options.log));
    IOSWARM_TRY(const auto of_log, log->chain());
    const std::optional<ChainIdentity> of_source = source->chain();
    IOSWARM_DO(check_same_chain(options, of_source, of_log));
    snapshot::ImportOptions import_options;
    import_options.from = options.from;
    if (of_source && (!of_log || (of_source->node && !of_log->node)))
        import_options.before_append = [&store = *log, of_source] { return store.set_chain(*of_source); };
    ProgressLine line(io.err, ProgressLine::mode_for(options.quiet), "diffs import");
    auto imported = snapshot::import_diffs(
        *source, std::shared_ptr<DiffStore>(std::move(log)), import_options,
        [&](std::uint64_t done, std::uint64_t all) {
            line.show(fmt::format("{} of {} diffs", done, all),
                      static_cast<double>(done) / static_cast<double>(all));
        },
        std::move(stop));
    line.clear();
    return imported;
}

std::uint64_t file_bytes(const std::string& path) {
    std::error_code failed;
    std::uint64_t bytes = 0;
    for (const char* part : {"", "-wal"}) {
        const auto size = std::filesystem::file_size(path + part, failed);
        if (!failed) bytes += size;
    }
    return bytes;
}

/// The time at which the file was last written to, as text. Empty when it is not known.
std::string last_written(const std::string& path) {
    std::string newest;
    for (const char* part : {"", "-wal"}) {
        std::error_code failed;
        const auto time = std::filesystem::last_write_time(path + part, failed);
        if (failed) continue;
        newest = std::max(newest, rfc3339(std::chrono::time_point_cast<std::chrono::system_clock::duration>(
                                      std::chrono::file_clock::to_sys(time))));
    }
    return newest;
}

std::string_view op_name(const StateDiffEntry& entry) {
    return entry.write_type == 1 ? "delete" : "put";
}

ordered_json as_json(const StateDiff& diff) {
    ordered_json entries = ordered_json::array();
    for (const StateDiffEntry& entry : diff.entries) {
        ordered_json one = {{"op", op_name(entry)}, {"namespace", entry.ns}, {"key", to_hex(entry.key)}};
        if (entry.write_type == 0) one["value"] = to_hex(entry.value);
        entries.push_back(std::move(one));
    }
    return {{"height", diff.height}, {"digest", to_hex(diff.digest)}, {"entries", std::move(entries)}};
}

/// Reads a whole log. If serve prunes the log meanwhile, the pruned diffs do not count as missing.
Result<DiffRange> read_whole(const std::string& path, ProgressLine& line) {
    auto log = snapshot::open_diffs(path, kLockTimeout);
    if (!log) return fail(log.error());
    DiffRange range = (*log)->range();
    const std::uint64_t all = count(range);
    for (std::uint64_t height = range.floor; height <= range.tip && !range.empty(); ++height) {
        auto diff = (*log)->next();
        if (!diff && diff.error().code == ErrorCode::out_of_range) {
            auto again = snapshot::open_diffs(path, kLockTimeout);
            if (!again) return fail(again.error());
            const std::uint64_t floor = (*again)->range().floor;
            if (floor <= height) return fail(diff.error());
            log = std::move(again);
            range.floor = floor;
            height = floor - 1;
            continue;
        }
        if (!diff) return fail(diff.error());
        if (height % kTellDiffs == 0)
            line.show(fmt::format("verifying height {}", height),
                      1 - static_cast<double>(range.tip - height) / static_cast<double>(all));
    }
    return range;
}

ordered_json as_json(const LogFaults& faults) {
    ordered_json out = ordered_json::array();
    for (const DiffRange& range : faults.ranges)
        out.push_back(as_json(range));
    return out;
}

/// Returns true if the operator agreed, on the terminal or with --yes.
Result<bool> is_agreed(const DiffsRestartOptions& options, const DiffRange& range, Io& io) {
    if (options.yes) return true;
    if (::isatty(STDIN_FILENO) == 0) {
        return fail(ErrorCode::usage, "refusing to restart the diff log without confirmation", options.log,
                    "standard input is not a terminal", "pass --yes");
    }
    io.err << fmt::format(
        "{}: {}, {} diffs.\nAll of them are removed. Agents that need one of them are refused until there is a "
        "newer\n"
        "snapshot. Type 'yes' to continue: ",
        escape_for_display(options.log), in_words(range), count(range));
    io.err.flush();
    LineReader answer(io.in, {});
    return answer.next() && answer.line() == "yes";
}

}  // namespace

std::string diff_log_path(const ServeConfig& config) {
    return diff_store_file(config);
}

ExitCode run_diffs_import(const DiffsImportOptions& options, Io& io) {
    const SignalReader stop;
    const auto imported = import(options, stop.token(), io);
    if (!imported) return stop.exit_code(report_error(io, imported.error()));
    if (options.json) {
        io.out << dump({{"file", options.source},
                        {"log", options.log},
                        {"source", as_json(imported->source)},
                        {"before", as_json(imported->before)},
                        {"after", as_json(imported->after)},
                        {"appended", imported->appended},
                        {"held_already", imported->equal},
                        {"too_old", imported->too_old}},
                       2)
               << '\n';
        return ExitCode::ok;
    }
    if (options.quiet) return ExitCode::ok;
    io.out << fmt::format("{}: {}; {} diffs appended, {} were held already\n", escape_for_display(options.log),
                          in_words(imported->after), imported->appended, imported->equal);
    if (imported->too_old != 0)
        io.out << fmt::format("{} older than the log's oldest were left out\n", imported->too_old);
    return ExitCode::ok;
}

ExitCode run_diffs_stat(const DiffsStatOptions& options, Io& io) {
    auto log = snapshot::open_diffs(options.log, kLockTimeout);
    if (!log) return report_error(io, log.error());
    const DiffRange range = (*log)->range();
    std::string fault;
    if (!range.empty()) {
        Status there = (*log)->seek(range.tip);
        if (there) {
            const auto newest = (*log)->next();
            if (!newest) there = fail(newest.error());
        }
        if (!there) fault = there.error().text();
    }
    const std::string_view kind = (*log)->kind() == "sqlite" ? "ioswarm" : "iotex-core";
    const std::string written = last_written(options.log);
    if (options.json) {
        io.out << dump({{"log", options.log},
                        {"kind", kind},
                        {"range", as_json(range)},
                        {"diffs", count(range)},
                        {"bytes", file_bytes(options.log)},
                        {"written", written},
                        {"newest_ok", fault.empty()}},
                       2)
               << '\n';
    } else {
        const std::string heights = !range.empty()     ? fmt::format("{} to {}", range.floor, range.tip)
                                    : range.floor == 0 ? "none"
                                                       : fmt::format("none, to begin at {}", range.floor);
        io.out << fmt::format(
            "log      {}\nkind     {}\nheights  {}\ndiffs    {}\nsize     {}\nwritten  {}\nnewest   {}\n",
            escape_for_display(options.log), kind, heights, count(range), format_bytes(file_bytes(options.log)),
            written, fault.empty() ? "sound" : escape_for_display(fault));
    }
    return fault.empty() ? ExitCode::ok : ExitCode::failed_check;
}

ExitCode run_diffs_verify(const DiffsVerifyOptions& options, Io& io) {
    ProgressLine line(io.err, ProgressLine::mode_for(options.quiet || options.json), "diffs verify");
    const auto range = read_whole(options.log, line);
    line.clear();
    if (range) {
        if (options.json) {
            io.out << dump({{"log", options.log}, {"ok", true}, {"range", as_json(*range)}}, 2) << '\n';
        } else if (!options.quiet) {
            io.out << fmt::format("{}: sound, {}, {} diffs\n", escape_for_display(options.log),
                                  in_words(*range), count(*range));
        }
        return ExitCode::ok;
    }
    Error error = range.error();
    // A damaged log fails the check. A log that cannot be read gives the error's own exit code.
    const bool is_damaged = error.code == ErrorCode::bad_data || error.code == ErrorCode::data_loss;
    std::optional<LogFaults> faults;
    if (is_damaged) faults = faults_in(options.log, kLockTimeout);
    const bool has_list = faults && !faults->ranges.empty();
    if (has_list) error.hint = faults->advice();
    if (options.json) {
        ordered_json out = {{"log", options.log}, {"ok", false}, {"reason", error.text()}};
        if (has_list) out["unreadable"] = as_json(*faults);
        io.out << dump(out, 2) << '\n';
    }
    if (!options.json && !options.quiet) {
        if (has_list) io.err << fmt::format("heights that cannot be read: {}\n", faults->text());
        print_error(io, error);
    }
    return is_damaged ? ExitCode::failed_check : exit_code_for(error.code);
}

ExitCode run_diffs_export(const DiffsExportOptions& options, Io& io) {
    auto log = snapshot::open_diffs(options.log, kLockTimeout);
    if (!log) return report_error(io, log.error());
    const DiffRange range = (*log)->range();
    const std::uint64_t from = options.from == 0 ? range.floor : options.from;
    const std::uint64_t to = options.to == 0 ? range.tip : options.to;
    if (range.empty() && options.from == 0 && options.to == 0) return ExitCode::ok;
    if (from > to) {
        return report_error(io, Error{ErrorCode::usage, "diffs export",
                                      fmt::format("--from {} --to {}", from, to), "they name no height", ""});
    }
    for (const std::uint64_t end : {to, from}) {
        if (Status there = (*log)->seek(end); !there) return report_error(io, there.error());
    }
    for (std::uint64_t height = from; height <= to; ++height) {
        const auto diff = (*log)->next();
        if (!diff) return report_error(io, diff.error());
        if (*diff) io.out << dump(as_json(**diff), -1) << '\n';
        if (!io.out) break;  // main() reports the write error
    }
    return ExitCode::ok;
}

ExitCode run_diffs_restart(const DiffsRestartOptions& options, Io& io) {
    const auto kind = diff_file_kind(options.log);
    if (!kind) return report_error(io, kind.error());
    if (*kind == DiffFileKind::missing) {
        return report_error(
            io, Error{ErrorCode::not_found, "cannot open the diff log", options.log, "there is none", ""});
    }
    auto log = SqliteDiffStore::open(options.log);
    if (!log) return report_error(io, log.error());
    const DiffRange range = (*log)->range();
    const auto agreed = is_agreed(options, range, io);
    if (!agreed) return report_error(io, agreed.error());
    if (!*agreed) {
        io.err << "nothing was changed\n";
        return ExitCode::failed_check;
    }
    if (Status cleared = (*log)->restart_at(options.from); !cleared) return report_error(io, cleared.error());
    if (options.json) {
        io.out << dump({{"log", options.log},
                        {"removed", as_json(range)},
                        {"from", options.from == 0 ? ordered_json() : ordered_json(options.from)}},
                       2)
               << '\n';
        return ExitCode::ok;
    }
    io.err << fmt::format(
        "{}: emptied; it starts again with {}\n", escape_for_display(options.log),
        options.from == 0 ? "the oldest that its source has" : fmt::format("height {}", options.from));
    return ExitCode::ok;
}

}  // namespace ioswarm::cli
