// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "cli/exit_code.hpp"
#include "cli/io.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace ioswarm::cli {

/// Runs a command after its options were parsed.
using Runner = std::function<ExitCode(Io&)>;

/// One subcommand in the table of all subcommands. The table serves the help, suggestions for mistyped names,
/// calls through symbolic links (where argv[0] decides which command runs) and the test of the manual pages.
struct CommandRow {
    std::string_view name;     ///< a symbolic link called "ioswarm-<name>" runs it too
    std::string_view summary;  ///< one line, no full stop
    /// Names of iotex-core's tools that this command replaces, separated by spaces. A symbolic link with one of
    /// these names runs the command too.
    std::string_view links;
    Runner (*add)(CLI::App&);  ///< declares the options; the returned Runner owns their values
    bool is_daemon = false;    ///< --log-format also decides how its errors are printed
};

[[nodiscard]] std::span<const CommandRow> commands();

/// The row of the command called `name`. With `as_link`, `name` is the name of a symbolic link:
/// "ioswarm-<name>" or one of `links`. Returns null when there is no such command.
[[nodiscard]] const CommandRow* find_command(std::string_view name, bool as_link = false);

/// The command name nearest to a mistyped one. Empty when none is near.
[[nodiscard]] std::string_view nearest_command(std::string_view name);

/// One function per row of the table. Each is implemented in the file of its command.
Runner add_serve(CLI::App& app);
Runner add_health(CLI::App& app);
Runner add_doctor(CLI::App& app);
Runner add_status(CLI::App& app);
Runner add_agents(CLI::App& app);
Runner add_reload(CLI::App& app);
Runner add_keygen(CLI::App& app);
Runner add_config(CLI::App& app);
Runner add_ledger(CLI::App& app);
Runner add_diffs(CLI::App& app);
Runner add_snapshot(CLI::App& app);
Runner add_sim(CLI::App& app);
Runner add_trace(CLI::App& app);
Runner add_l4baseline(CLI::App& app);
Runner add_l4sim(CLI::App& app);
Runner add_l4test(CLI::App& app);
Runner add_completion(CLI::App& app);
Runner add_version(CLI::App& app);
Runner add_deploy(CLI::App& app);
Runner add_wallet(CLI::App& app);
Runner add_claim(CLI::App& app);
Runner add_fund(CLI::App& app);
Runner add_rewards(CLI::App& app);
Runner add_settle(CLI::App& app);

}  // namespace ioswarm::cli
