// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "cli/config/serve_config.hpp"
#include "cli/settlement/file_check_due.hpp"
#include "cli/settlement/parts.hpp"
#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/reward_settler.hpp"

namespace ioswarm::cli {

/// Pauses of a ServeSettlement's thread. Tests use shorter ones.
struct SettlementPauses {
    /// When nothing is owed. A closed epoch ends the pause early. It also covers changes that no epoch reports,
    /// such as an agent that names its wallet late.
    std::chrono::milliseconds idle{10'000};
    /// After an error or a halt, and when settlement.db is missing or in use by another settler.
    std::chrono::milliseconds reopen{15'000};
    /// The shortest pause while something is owed and nothing may be signed.
    std::chrono::milliseconds held{10'000};
    /// Between two checks of the chain while a transaction is in progress.
    std::chrono::milliseconds poll = settlement::SettlerSettings{}.poll;
};

/// The settler inside serve. Its one thread owns settlement.db, the key and the chain client. It shares only
/// the ledger's file with the rest of serve, and reads it as another process would. The thread waits for the
/// disk and the chain, and nobody waits for the thread. A closed epoch wakes it.
class ServeSettlement final : public RewardSettler {
  public:
    /// Reads the key and opens nothing else. Null: settlement.enabled is off, and the key is not read. Errors:
    /// those of load_signer_key() and settlement_limits().
    [[nodiscard]] static Result<std::unique_ptr<ServeSettlement>> make(const ServeConfig& config,
                                                                       const Clock& clock, Log log,
                                                                       SettlementPauses pauses = {});
    ~ServeSettlement() override;
    ServeSettlement(const ServeSettlement&) = delete;
    ServeSettlement& operator=(const ServeSettlement&) = delete;

    void start();
    /// Asks the thread to end. This interrupts chain calls and pauses. Returns at once. Thread-safe.
    void request_stop();

    void epoch_closed(std::uint64_t epoch) override;
    /// Adds the reason why it should pay but does not, for /readyz. Thread-safe.
    void add_reasons(Reasons& reasons) const;

  private:
    ServeSettlement(const ServeConfig& config, const PrivateKey& key, settlement::SettlementLimits limits,
                    const Clock& clock, Log log, SettlementPauses pauses);
    void run(const std::stop_token& stop);
    [[nodiscard]] std::unique_ptr<SettlerParts> open(const std::stop_token& stop);
    /// Takes one step and returns the time to wait before the next one. Resets `parts` when the settler must be
    /// opened again.
    [[nodiscard]] std::chrono::milliseconds take_step(std::unique_ptr<SettlerParts>& parts);
    void wait(std::chrono::milliseconds time, const std::stop_token& stop);

    /// Whether a problem is logged, or only shown by /readyz because the settler has logged it already.
    enum class Report { log, show_only };
    /// Shows why nothing is paid. Problems of the same `kind` are logged once, though numbers in the text
    /// change.
    void trouble(std::string_view kind, const std::string& why, Report report = Report::log);
    void no_trouble();
    void wait_for_more(const settlement::Hold& hold);
    void show(std::string why);

    const ServeConfig config_;
    const PrivateKey key_;
    const settlement::SettlementLimits limits_;
    const Clock& clock_;
    const Log log_;
    const SettlementPauses pauses_;

    // The next two are used by the thread only.
    std::string logged_;  // the kind of problem that was logged last
    FileCheckDue file_check_;

    mutable std::mutex mutex_;  // guards the next three fields
    std::condition_variable_any wake_;
    bool is_woken_ = false;
    std::string why_not_;  // empty = no problem

    std::jthread thread_;  // last member: the thread uses all of the above
};

}  // namespace ioswarm::cli
