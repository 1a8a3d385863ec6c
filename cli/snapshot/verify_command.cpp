// SPDX-License-Identifier: Apache-2.0
#include <ostream>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/config/urls.hpp"
#include "cli/progress_line.hpp"
#include "cli/signals.hpp"
#include "cli/snapshot/commands.hpp"
#include "cli/snapshot/verify_file.hpp"
#include "cli/snapshot/verify_url.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

using nlohmann::ordered_json;

void print_verified_json(const ordered_json& out, Io& io) {
    io.out << out.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

ExitCode report_failed(const VerifyOptions& options, const std::string& shown, const Error& error, Io& io) {
    if (options.json) {
        const std::string reason = error.why.empty() ? error.text() : error.why;
        print_verified_json({{"file", shown}, {"ok", false}, {"reason", reason}}, io);
    } else if (!options.quiet) {
        print_error(io, error);
    }
    // An invalid file fails the check. Any other error has its own exit code.
    return error.code == ErrorCode::bad_data ? ExitCode::failed_check : exit_code_for(error.code);
}

ExitCode report_verified(const VerifyOptions& options, const std::string& shown, const VerifiedSnapshot& found,
                         Io& io) {
    const SnapshotFacts& facts = found.facts;
    if (options.json) {
        ordered_json out = {{"file", shown},
                            {"ok", true},
                            {"height", facts.height},
                            {"entries", facts.entries},
                            {"payload_sha256", facts.payload_sha256},
                            {"bytes", facts.bytes},
                            {"sha256", facts.sha256},
                            {"compared", found.compared}};
        if (is_url(options.file)) {
            out["url"] = found.place;
        } else {
            out["missing"] = found.missing;
        }
        print_verified_json(out, io);
        return ExitCode::ok;
    }
    if (options.quiet) return ExitCode::ok;
    io.out << fmt::format("{}: whole, height {}, {} entries, {}\n", escape_for_display(found.place),
                          facts.height, facts.entries, format_bytes(facts.bytes));
    for (const std::string& companion : found.compared)
        io.out << "  agrees with " << escape_for_display(companion) << '\n';
    for (const std::string& companion : found.missing)
        io.out << "  not there to compare: " << escape_for_display(companion) << '\n';
    return ExitCode::ok;
}

}  // namespace

ExitCode run_snapshot_verify(const VerifyOptions& options, Io& io) {
    if (!is_url(options.file)) {
        const auto found = verify_file(options.file);
        return found ? report_verified(options, options.file, *found, io)
                     : report_failed(options, options.file, found.error(), io);
    }
    const SignalReader stop;
    DownloadSettings settings;
    settings.timeout = options.timeout;
    settings.ca_file = options.ca_file;
    const std::string shown = mask_credentials(options.file);
    const auto found = verify_url(options.file, settings, stop.token());
    if (!found) return stop.exit_code(report_failed(options, shown, found.error(), io));
    if (found->compared.empty())
        print_warning(io,
                      "neither a .sha256 nor a description lies beside it, so it was compared with nothing");
    return report_verified(options, shown, *found, io);
}

}  // namespace ioswarm::cli
