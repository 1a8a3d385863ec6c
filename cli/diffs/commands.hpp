// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/config/serve_config.hpp"
#include "cli/exit_code.hpp"
#include "cli/io.hpp"

namespace ioswarm::cli {

/// Path of serve's log of state diffs: diffStorePath, or statediffs.db in dataDir.
[[nodiscard]] std::string diff_log_path(const ServeConfig& config);

/// `ioswarm diffs import`: copies the diffs of another store, either iotex-core's or one of ours.
struct DiffsImportOptions {
    std::string source;
    std::string log;         ///< appended to, or created
    std::uint64_t from = 0;  ///< 0 = all
    std::chrono::milliseconds lock_timeout{10'000};
    bool json = false;
    bool quiet = false;
};
[[nodiscard]] ExitCode run_diffs_import(const DiffsImportOptions& options, Io& io);

/// `ioswarm diffs stat`: describes a log without reading all of it.
struct DiffsStatOptions {
    std::string log;
    bool json = false;
};
[[nodiscard]] ExitCode run_diffs_stat(const DiffsStatOptions& options, Io& io);

/// `ioswarm diffs verify`: exit code 0 when every diff is valid, else 1 and the height of an invalid one.
struct DiffsVerifyOptions {
    std::string log;
    bool json = false;
    bool quiet = false;
};
[[nodiscard]] ExitCode run_diffs_verify(const DiffsVerifyOptions& options, Io& io);

/// `ioswarm diffs export`: prints one JSON object per diff, one per line.
struct DiffsExportOptions {
    std::string log;
    std::uint64_t from = 0;  ///< 0 = the oldest
    std::uint64_t to = 0;    ///< 0 = the newest
    bool json = false;       ///< changes nothing: the answer is always JSON
};
[[nodiscard]] ExitCode run_diffs_export(const DiffsExportOptions& options, Io& io);

/// `ioswarm diffs restart`: asks, then empties the log.
struct DiffsRestartOptions {
    std::string log;
    std::uint64_t from = 0;  ///< first height of the new log; 0 = the oldest that its source has
    bool yes = false;
    bool json = false;
};
[[nodiscard]] ExitCode run_diffs_restart(const DiffsRestartOptions& options, Io& io);

}  // namespace ioswarm::cli
