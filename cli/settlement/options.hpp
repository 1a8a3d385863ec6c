// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "cli/config/serve_config.hpp"
#include "cli/config_options.hpp"
#include "cli/contracts/key_options.hpp"
#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"
#include "settlement/plan.hpp"
#include "settlement/rows.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ioswarm::cli {

inline constexpr std::uint64_t kRauPerGwei = 1'000'000'000;

/// The command line of `ioswarm settle` and its subcommands.
struct SettleOptions {
    ConfigOptions config;
    KeyOptions key;
    std::chrono::milliseconds timeout{std::chrono::minutes(10)};
    std::optional<std::uint64_t> epoch;  ///< --epoch
    bool dry_run = false;
    bool json = false;
    bool yes = false;
    std::optional<std::uint64_t> from_epoch;       ///< for init
    std::optional<std::uint64_t> pool_from_block;  ///< for init, contract version 2
    bool rebuild = false;                          ///< for init
    bool raise_price = false;                      ///< for unstick
    bool replace_by_empty = false;                 ///< for unstick
};

/// The limits from the configuration. Error config: settlement.maxPerSettlementIOTX or settlement.maxPerDayIOTX
/// is not set.
[[nodiscard]] Result<settlement::SettlementLimits> settlement_limits(const ServeConfig& config);
/// The same for commands that only show limits. A limit that is not set is 0 here.
[[nodiscard]] settlement::SettlementLimits shown_limits(const ServeConfig& config);

/// The contract that settles. Error config: rewardContract is not set.
[[nodiscard]] Result<Address> settled_contract(const ServeConfig& config);

/// Creates a client for rewardRpcUrl on the chain rewardChainId, without calling the endpoints.
[[nodiscard]] Result<contracts::ChainClient> settlement_chain(const ServeConfig& config, std::stop_token stop);

/// Checks that settlement.db and the configuration name the same contract on the same chain. Error config.
[[nodiscard]] Status check_identity(const ServeConfig& config, const settlement::SettlementIdentity& identity);

/// Loads the configuration and switches to the owner of the data directory (become_owner()). On failure returns
/// nothing and sets `code` to the exit code. `subcommand` is for the command in a hint: "" or, for example,
/// "status".
[[nodiscard]] std::optional<ServeConfig> begin_settle(const SettleOptions& options,
                                                      const std::string& subcommand, Io& io, ExitCode& code);

/// Prints the error and returns this command's exit code: 78 when settlement.db is missing or the configuration
/// is wrong, 77 for the key and for files of another user, 75 for everything that may succeed later, 74 for a
/// file that cannot be read or written, 1 for the rest.
[[nodiscard]] ExitCode report_settle_error(Io& io, Error error);
/// Prints an error about a key. The exit code is always 77.
[[nodiscard]] ExitCode report_key_error(Io& io, Error error);

}  // namespace ioswarm::cli
