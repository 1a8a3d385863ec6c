// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "snapshot/state_stats.hpp"

namespace ioswarm::cli {

/// `ioswarm snapshot verify`: 0 when the file is whole, 1 with the reason when it is not.
struct VerifyOptions {
    std::string file;
    bool json = false;
    bool quiet = false;
};
[[nodiscard]] ExitCode run_snapshot_verify(const VerifyOptions& options, Io& io);

/// `ioswarm snapshot inspect`: 1 when the account asked for is not there.
struct InspectOptions {
    std::string file;
    std::string account;  ///< 0x or io1; decode this one account
    bool entries = false;
    bool json = false;
};
[[nodiscard]] ExitCode run_snapshot_inspect(const InspectOptions& options, Io& io);

/// `ioswarm snapshot diff`: 0 when both hold the same, 1 when not.
struct DiffOptions {
    std::string a;
    std::string b;
    bool quiet = false;
    bool json = false;
};
[[nodiscard]] ExitCode run_snapshot_diff(const DiffOptions& options, Io& io);

/// What `l4baseline --stats` found in the state at `source`, one namespace per line, or as JSON.
void print_state_stats(const std::string& source, const snapshot::StateStats& stats, bool json, Io& io);

}  // namespace ioswarm::cli
