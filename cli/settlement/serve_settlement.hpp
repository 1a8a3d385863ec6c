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
#include "cli/settlement/parts.hpp"
#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/reward_settler.hpp"

namespace ioswarm::cli {

/// The settler inside serve. Its one thread owns settlement.db, the key and the chain client. It shares only
/// the ledger's file with the rest of serve, and reads it as another process would. The thread waits for the
/// disk and the chain, and nobody waits for the thread. A closed epoch wakes it.
class ServeSettlement final : public RewardSettler {
  public:
    /// Reads the key and opens nothing else. Errors: those of load_signer_key() and settlement_limits().
    [[nodiscard]] static Result<std::unique_ptr<ServeSettlement>> make(const ServeConfig& config,
                                                                       const Clock& clock, Log log);
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
    ServeSettlement(const ServeConfig& config, PrivateKey key, settlement::SettlementLimits limits,
                    const Clock& clock, Log log);
    void run(const std::stop_token& stop);
    [[nodiscard]] std::unique_ptr<SettlerParts> open(const std::stop_token& stop);
    /// Takes one step and returns the time to wait before the next one. Resets `parts` when the settler must be
    /// opened again.
    [[nodiscard]] std::chrono::milliseconds take_step(std::unique_ptr<SettlerParts>& parts);
    void wait(std::chrono::milliseconds time, const std::stop_token& stop);
    void trouble(std::string why);

    const ServeConfig config_;
    const PrivateKey key_;
    const settlement::SettlementLimits limits_;
    const Clock& clock_;
    const Log log_;

    std::string told_;  // used by the thread only: the last hold or problem that was logged

    mutable std::mutex mutex_;  // guards the next three fields
    std::condition_variable_any wake_;
    bool is_woken_ = false;
    std::string why_not_;  // empty = no problem

    std::jthread thread_;  // last member: the thread uses all of the above
};

}  // namespace ioswarm::cli
