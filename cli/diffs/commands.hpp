// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/config/serve_config.hpp"
#include "cli/exit_code.hpp"
#include "cli/io.hpp"

namespace ioswarm::cli {

/// Where `serve` keeps its log of state diffs: diffStorePath, or statediffs.db in dataDir.
[[nodiscard]] std::string diff_log_path(const ServeConfig& config);

/// `ioswarm diffs import`: takes over the diffs of another store, the reference's or one of ours.
struct DiffsImportOptions {
    std::string source;
    std::string log;         ///< continued, or made
    std::uint64_t from = 0;  ///< 0 = all
    std::chrono::milliseconds lock_timeout{10'000};
    bool json = false;
    bool quiet = false;
};
[[nodiscard]] ExitCode run_diffs_import(const DiffsImportOptions& options, Io& io);

/// `ioswarm diffs stat`: what a log holds, without reading it whole.
struct DiffsStatOptions {
    std::string log;
    bool json = false;
};
[[nodiscard]] ExitCode run_diffs_stat(const DiffsStatOptions& options, Io& io);

/// `ioswarm diffs verify`: 0 when every diff is sound, 1 with the height where one is not.
struct DiffsVerifyOptions {
    std::string log;
    bool json = false;
    bool quiet = false;
};
[[nodiscard]] ExitCode run_diffs_verify(const DiffsVerifyOptions& options, Io& io);

/// `ioswarm diffs export`: a JSON object a line and a diff.
struct DiffsExportOptions {
    std::string log;
    std::uint64_t from = 0;  ///< 0 = the oldest
    std::uint64_t to = 0;    ///< 0 = the newest
};
[[nodiscard]] ExitCode run_diffs_export(const DiffsExportOptions& options, Io& io);

/// `ioswarm diffs restart`: empties the log, after a question.
struct DiffsRestartOptions {
    std::string log;
    std::uint64_t from = 0;  ///< where it is to begin; 0 = with the oldest that its source has
    bool yes = false;
};
[[nodiscard]] ExitCode run_diffs_restart(const DiffsRestartOptions& options, Io& io);

}  // namespace ioswarm::cli
