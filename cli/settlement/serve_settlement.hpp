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

/// The settler inside serve: one thread that owns settlement.db, the key and the client of the chain, and
/// shares nothing with the rest of serve but the ledger's file, which it reads as any other process would. It
/// waits for the disk and for the chain; nobody waits for it. A closed epoch wakes it.
class ServeSettlement final : public RewardSettler {
  public:
    /// Reads the key; opens nothing else. Errors: those of load_signer_key() and settlement_limits().
    [[nodiscard]] static Result<std::unique_ptr<ServeSettlement>> make(const ServeConfig& config,
                                                                       const Clock& clock, Log log);
    ~ServeSettlement() override;
    ServeSettlement(const ServeSettlement&) = delete;
    ServeSettlement& operator=(const ServeSettlement&) = delete;

    void start();
    /// Asks the thread to end: no call of the chain and no pause goes on. Returns at once; thread-safe.
    void request_stop();

    void epoch_closed(std::uint64_t epoch) override;
    /// Why it pays nothing although it should; for /readyz. Thread-safe.
    void add_reasons(Reasons& reasons) const;

  private:
    ServeSettlement(const ServeConfig& config, PrivateKey key, settlement::SettlementLimits limits,
                    const Clock& clock, Log log);
    void run(const std::stop_token& stop);
    [[nodiscard]] std::unique_ptr<SettlerParts> open(const std::stop_token& stop);
    /// How long to wait until the next step; nothing: the settler must be opened anew.
    [[nodiscard]] std::chrono::milliseconds take_step(std::unique_ptr<SettlerParts>& parts);
    void wait(std::chrono::milliseconds time, const std::stop_token& stop);
    void trouble(std::string why);

    const ServeConfig config_;
    const PrivateKey key_;
    const settlement::SettlementLimits limits_;
    const Clock& clock_;
    const Log log_;

    std::string told_;  // of the thread: the last hold or trouble that was logged

    mutable std::mutex mutex_;  // guards the next three
    std::condition_variable_any wake_;
    bool is_woken_ = false;
    std::string why_not_;  // empty: it works

    std::jthread thread_;  // last: it uses all above
};

}  // namespace ioswarm::cli
