// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "cli/config/serve_config.hpp"
#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "cli/settlement/deadline_stop.hpp"
#include "cli/settlement/options.hpp"
#include "contracts/chain_client.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/ports/clock.hpp"
#include "core/sqlite/lock_file.hpp"
#include "settlement/payout_source.hpp"
#include "settlement/settler.hpp"
#include "settlement/store.hpp"

namespace ioswarm::cli {

/// One of settle's commands.
struct SettleCommand {
    std::string name;         ///< the subcommand; empty for settle itself
    std::string confirmed{};  ///< options that replace its question to the user; empty: it asks none
};

/// Runs a command: checks that the user can be asked (unless an option answers the question), loads the
/// configuration, becomes the owner of the data directory, and reads signals while `work` runs. An error of
/// `work` is printed by report_settle_error(). The exit code is that of `work`, unless a signal came.
[[nodiscard]] ExitCode run_settle_command(
    const SettleOptions& options, const SettleCommand& command, Io& io,
    const std::function<Result<ExitCode>(const ServeConfig&, const std::stop_token&)>& work);

/// The error of a settlement.db that is not there, with the command that makes it.
[[nodiscard]] Error with_init_hint(Error error);

/// Opens settlement.db for writing and compares it with the configuration. Errors: not_found (with the command
/// that creates it), try_again (another settler is running; names its process), config (another contract or
/// chain), and those of SettlementStore::open().
[[nodiscard]] Result<std::unique_ptr<settlement::SettlementStore>> open_settlement(
    const ServeConfig& config,
    settlement::SettlementStore::FileCheck check = settlement::SettlementStore::FileCheck::whole);

/// The same for reading only, for a dry run: it works beside another settler, and where nothing can be written.
[[nodiscard]] Result<std::unique_ptr<settlement::SettlementStore>> read_settlement(const ServeConfig& config);

/// A settler with all objects that it uses. They are created in this order and destroyed in reverse. For use by
/// one thread.
class SettlerParts {
  public:
    /// `store` comes from open_settlement(). Without a key (null) the settler can only do dry runs. With a key,
    /// the settler holds the wallet's lock as long as it lives. Errors: permission_denied (the key does not
    /// belong to the wallet that settlement.db was made for), try_again (another process holds the wallet's
    /// lock).
    [[nodiscard]] static Result<std::unique_ptr<SettlerParts>> make(
        const ServeConfig& config, std::unique_ptr<settlement::SettlementStore> store, const PrivateKey* key,
        const settlement::SettlerSettings& settings, const Clock& clock, const Log& log,
        const std::stop_token& stop);

    [[nodiscard]] settlement::SettlementStore& store() { return *store_; }
    [[nodiscard]] settlement::Settler& settler() { return *settler_; }
    /// Stops the calls to endpoints, for good. Arm it for a run whose time is limited.
    [[nodiscard]] DeadlineStop& deadline() { return *deadline_; }

  private:
    SettlerParts(std::unique_ptr<DeadlineStop> deadline, std::unique_ptr<settlement::SettlementStore> store,
                 contracts::ChainClient chain)
        : deadline_(std::move(deadline)), store_(std::move(store)), chain_(std::move(chain)) {}

    std::unique_ptr<DeadlineStop> deadline_;
    std::unique_ptr<settlement::SettlementStore> store_;
    std::optional<LockFile> wallet_lock_;
    contracts::ChainClient chain_;
    std::unique_ptr<settlement::PayoutSource> payouts_;
    std::optional<settlement::SettlementSigner> signer_;
    std::unique_ptr<settlement::Settler> settler_;
};

/// The result of a run of the settler.
struct SettlerRun {
    settlement::SettlerStep last;
    bool out_of_time = false;                  ///< time ran out before everything was final
    bool is_stopped = false;                   ///< a signal came before everything was final
    std::vector<settlement::IntentRow> ended;  ///< intents that became final in this run
};

/// Takes steps until nothing is owed, until the settler is held or halted, or until `time` is over. While no
/// endpoint answers it keeps trying. With `only` it ends as soon as this intent is final. Calls to endpoints
/// are cut off when the time is over or `stop` is requested, so `parts` can be used for one run only. Errors:
/// those of Settler::step().
[[nodiscard]] Result<SettlerRun> run_settler(SettlerParts& parts, std::chrono::milliseconds time,
                                             const std::stop_token& stop,
                                             std::optional<std::uint64_t> only = std::nullopt);

}  // namespace ioswarm::cli
