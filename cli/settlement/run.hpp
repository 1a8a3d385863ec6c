// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "cli/settlement/options.hpp"
#include "cli/settlement/parts.hpp"

namespace ioswarm::cli {

/// A log that prints the settler's lines to io.err, for people.
[[nodiscard]] Log settle_log(Io& io);

/// Writes a line to the audit log of the data directory. A failure is a warning, and the command goes on.
void note_settle_command(const ServeConfig& config, std::string_view event, const LogFields& fields, Io& io);

/// Opens everything that a signing command needs: limits, settlement.db, the key, the chain, the ledger. With
/// --dry-run it opens no key, and the settler cannot sign. Otherwise the audit log gets a line with `command`,
/// for example "settle unstick", and all that the settler logs. On failure returns nothing and sets `code` to
/// the exit code.
[[nodiscard]] std::unique_ptr<SettlerParts> open_settler(const ServeConfig& config,
                                                         const SettleOptions& options,
                                                         const std::string& command, const Clock& clock,
                                                         const std::stop_token& stop, Io& io, ExitCode& code);

/// Runs the settler with run_settler(), then prints what was paid and what went wrong.
[[nodiscard]] ExitCode pay_and_report(SettlerParts& parts, const SettleOptions& options,
                                      const std::stop_token& stop, Io& io,
                                      std::optional<std::uint64_t> only = std::nullopt);

}  // namespace ioswarm::cli
