// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "cli/settlement/options.hpp"

namespace ioswarm::cli {

// The command `ioswarm settle` and its subcommands. Each runs through run_settle_command().

[[nodiscard]] ExitCode run_settle(const SettleOptions& options, Io& io);
[[nodiscard]] ExitCode run_settle_init(const SettleOptions& options, Io& io);
[[nodiscard]] ExitCode run_settle_status(const SettleOptions& options, Io& io);
[[nodiscard]] ExitCode run_settle_unstick(const SettleOptions& options, Io& io);
[[nodiscard]] ExitCode run_settle_resume(const SettleOptions& options, Io& io);
[[nodiscard]] ExitCode run_settle_audit(const SettleOptions& options, Io& io);

}  // namespace ioswarm::cli
