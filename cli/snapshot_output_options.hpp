// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "cli/progress_line.hpp"
#include "snapshot/snapshot_output.hpp"

namespace ioswarm::cli {

/// What `snapshot export` and `snapshot roll` have in common on the command line.
struct SnapshotOutputOptions {
    std::string namespaces;  ///< comma-separated
    std::string compression = "default";
    std::string publish;
    bool stats = false;
    bool json = false;
    bool quiet = false;
};

/// Declares them, and those of `output`; both must live as long as the app.
void add_output_options(CLI::App& app, SnapshotOutputOptions& options, snapshot::OutputOptions& output,
                        const std::string& namespaces_help);

/// Checks what the parser could not, and fills in `output` and, where a list was given, `namespaces`. Error
/// usage. `job` names the command in messages.
[[nodiscard]] Status apply_output_options(const SnapshotOutputOptions& options, const std::string& job,
                                          snapshot::OutputOptions& output,
                                          std::vector<std::string>& namespaces);

/// Says what was made, as asked for, and runs the publish command. `more` is added to the JSON.
struct MadeSnapshot {
    const snapshot::ExportReport& report;
    const std::string& output;
    std::vector<std::pair<std::string, std::uint64_t>> more;
};
[[nodiscard]] ExitCode tell_and_publish(const SnapshotOutputOptions& options, const MadeSnapshot& made, Io& io);

/// `ioswarm snapshot roll`.
Runner add_roll_options(CLI::App& app);

}  // namespace ioswarm::cli
