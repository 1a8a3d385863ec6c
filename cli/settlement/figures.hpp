// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "cli/settlement/notices.hpp"
#include "cli/settlement/state.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/u256.hpp"
#include "settlement/ledger_payouts.hpp"

namespace ioswarm::cli {

/// What serve shows of settlements: in its status line, in /swarm/status and at /metrics.
struct SettlementFigures {
    std::string halted;               ///< why the settler has halted; empty = it has not
    std::uint64_t halts = 0;          ///< halts seen since serve was started
    std::string waits;                ///< why nothing is signed now; empty = nothing blocks the settler
    std::int64_t waits_since_ms = 0;  ///< Unix time in milliseconds; 0 = it does not wait
    std::optional<std::uint64_t> paid_through;  ///< everything up to this epoch is paid; nothing: no epoch is
    std::uint64_t unpaid_payouts = 0;           ///< payouts that have a wallet and are not final yet
    U256 unpaid_rau;                            ///< their sum
    U256 without_wallet_rau;                    ///< kept for agents without a wallet
    U256 paid_rau;
    U256 gas_rau;
    U256 epoch_cost_rau;              ///< what the newest epochs cost on average, with gas
    std::optional<U256> balance_rau;  ///< of the wallet that pays; nothing: not known now
    /// How many more epochs the balance pays, after everything that is owed now.
    [[nodiscard]] std::optional<std::uint64_t> epochs_left() const;
};

/// Derives the figures; those of the balance and the number of halts are not among them.
[[nodiscard]] SettlementFigures figures_of(const SettleState& state);

/// For example "paid to epoch 12", or "SETTLEMENT HALTED: ..." or "waits since 2026-01-01T00:00:00Z: ...".
[[nodiscard]] std::string settlement_line(const SettlementFigures& figures);

/// Adds the figures of settlement_line() for a log that programs read.
void add_settlement_fields(const SettlementFigures& figures, LogFields& fields);

/// The figures as a JSON object, for /swarm/status. Amounts are exact, as text in IOTX. Empty without figures.
[[nodiscard]] std::string settlement_json(const std::optional<SettlementFigures>& figures);

/// Reads the figures regularly on a thread of its own, which may wait for the disk. latest() never waits for
/// it.
class SettlementWatch {
  public:
    static constexpr std::chrono::milliseconds kInterval{10'000};

    /// `balance` gives the balance of the wallet, when it is known. It is called on the thread and must not
    /// wait.
    SettlementWatch(std::filesystem::path dir, std::function<std::optional<U256>()> balance,
                    std::chrono::milliseconds interval = kInterval);
    SettlementWatch(const SettlementWatch&) = delete;
    SettlementWatch& operator=(const SettlementWatch&) = delete;

    /// The figures of the last look. Nothing: settlement.db could not be read yet. Thread-safe.
    [[nodiscard]] std::optional<SettlementFigures> latest() const;

  private:
    void run(const std::stop_token& stop);
    void look();

    SettlementReader reader_;
    settlement::LedgerPayouts payouts_;
    const std::function<std::optional<U256>()> balance_;
    const std::chrono::milliseconds interval_;
    std::int64_t halt_seen_ms_ = 0;  // used by the thread only, as is the next field
    std::uint64_t halts_ = 0;
    mutable Guarded<std::optional<SettlementFigures>> latest_;
    std::jthread thread_;  // last member: the thread uses all of the above
};

}  // namespace ioswarm::cli
