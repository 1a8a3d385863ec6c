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

/// The options that `snapshot export` and `snapshot roll` share.
struct SnapshotOutputOptions {
    std::string namespaces;  ///< comma-separated
    std::string compression = "default";
    std::string publish;
    bool stats = false;
    bool json = false;
    bool quiet = false;
};

/// Declares these options and those of `output`. Both must live as long as the app.
void add_output_options(CLI::App& app, SnapshotOutputOptions& options, snapshot::OutputOptions& output,
                        const std::string& namespaces_help);

/// Checks what the parser could not check. Fills in `output`, and `namespaces` if a list was given. Error
/// usage. `job` names the command in messages.
[[nodiscard]] Status apply_output_options(const SnapshotOutputOptions& options, const std::string& job,
                                          snapshot::OutputOptions& output,
                                          std::vector<std::string>& namespaces);

/// The result of a command: the report, and further values for the JSON output.
struct MadeSnapshot {
    const snapshot::ExportReport& report;
    const std::string& output;
    std::size_t keep = 0;  ///< OutputOptions::keep
    std::vector<std::pair<std::string, std::uint64_t>> more{};
    const std::vector<std::string>* left_out = nullptr;  ///< only for a roll
};

/// The time limit of a command, including its publish command. It ends `timeout` after this object was created.
class JobTime {
  public:
    /// 0 = no limit.
    explicit JobTime(std::chrono::milliseconds timeout) : timeout_(timeout) {}
    /// The remaining time, at least 1 ms. Nothing without a limit.
    [[nodiscard]] std::optional<std::chrono::milliseconds> left() const;

  private:
    const std::chrono::milliseconds timeout_;
    const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// Prints what was made, in the requested form, and runs the publish command within `time`. A stop ends that
/// command.
[[nodiscard]] ExitCode tell_and_publish(const SnapshotOutputOptions& options, const MadeSnapshot& made,
                                        const JobTime& time, std::stop_token stop, Io& io);

/// Declares the options of `ioswarm snapshot roll`.
Runner add_roll_options(CLI::App& app);

}  // namespace ioswarm::cli
