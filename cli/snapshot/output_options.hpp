// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
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

/// What a command made, and what of it goes into the JSON beside the report.
struct MadeSnapshot {
    const snapshot::ExportReport& report;
    const std::string& output;
    std::vector<std::pair<std::string, std::uint64_t>> more{};
    const std::vector<std::string>* left_out = nullptr;  ///< of a roll
};

/// When a command must have ended, with its publish command: `timeout` after this object was made.
class JobTime {
  public:
    /// 0 = never.
    explicit JobTime(std::chrono::milliseconds timeout) : timeout_(timeout) {}
    /// What is left of it, at least 1 ms; nothing when there is no bound.
    [[nodiscard]] std::optional<std::chrono::milliseconds> left() const;

  private:
    const std::chrono::milliseconds timeout_;
    const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// Says what was made, as asked for, and runs the publish command within `time`; a stop ends that command.
[[nodiscard]] ExitCode tell_and_publish(const SnapshotOutputOptions& options, const MadeSnapshot& made,
                                        const JobTime& time, std::stop_token stop, Io& io);

/// `ioswarm snapshot roll`.
Runner add_roll_options(CLI::App& app);

}  // namespace ioswarm::cli
