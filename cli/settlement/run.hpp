// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "cli/settlement/options.hpp"
#include "cli/settlement/parts.hpp"

namespace ioswarm::cli {

/// Lines of the settler for people, on io.err.
[[nodiscard]] Log settle_log(Io& io);

/// Opens everything that a command needs which signs: limits, settlement.db, the key, the chain, the ledger.
/// Nothing: it failed, `code` says how the program ends.
[[nodiscard]] std::unique_ptr<SettlerParts> open_for_signing(const ServeConfig& config,
                                                             const SettleOptions& options, const Clock& clock,
                                                             const std::stop_token& stop, Io& io,
                                                             ExitCode& code);

/// Runs the settler as run_settler() does, prints what was paid, and what is wrong.
[[nodiscard]] ExitCode pay_and_report(SettlerParts& parts, const SettleOptions& options,
                                      const std::stop_token& stop, Io& io,
                                      std::optional<std::uint64_t> only = std::nullopt);

}  // namespace ioswarm::cli
