// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "snapshot/state_stats.hpp"

namespace ioswarm::cli {

/// `ioswarm snapshot verify`: exit code 0 when the file is valid and complete, else 1 and the reason.
struct VerifyOptions {
    std::string file;     ///< or an http or https URL
    std::string ca_file;  ///< for a URL: the certificates to trust; empty: those of the system
    std::chrono::milliseconds timeout{std::chrono::hours(2)};  ///< for a URL; 0: no limit
    bool json = false;
    bool quiet = false;
};
[[nodiscard]] ExitCode run_snapshot_verify(const VerifyOptions& options, Io& io);

/// `ioswarm snapshot inspect`: exit code 1 when the requested account is not in the file.
struct InspectOptions {
    std::string file;
    std::string account;  ///< 0x or io1 address; decodes only this account
    bool entries = false;
    bool json = false;
};
[[nodiscard]] ExitCode run_snapshot_inspect(const InspectOptions& options, Io& io);

/// `ioswarm snapshot diff`: exit code 0 when both files have the same content, else 1.
struct DiffOptions {
    std::string a;
    std::string b;
    bool quiet = false;
    bool json = false;
};
[[nodiscard]] ExitCode run_snapshot_diff(const DiffOptions& options, Io& io);

/// Prints the result of `l4baseline --stats` for the state at `source`: one namespace per line, or JSON.
void print_state_stats(const std::string& source, const snapshot::StateStats& stats, bool json, Io& io);

}  // namespace ioswarm::cli
