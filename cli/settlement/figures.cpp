// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/figures.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/decimal.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/base/unix_time.hpp"

namespace ioswarm::cli {
namespace {

/// The epochs whose average tells what an epoch costs. The payout table has at least these.
constexpr std::uint64_t kAveragedEpochs = 10;

bool is_paid(const PayoutLine& line) {
    return line.state == "paid" || line.state == "credited";
}

U256 average_cost(const SettleState& state) {
    const std::uint64_t epochs = std::min(state.running_epoch, kAveragedEpochs);
    if (epochs == 0) return 0;
    U256 sum = 0;
    for (const PayoutLine& line : state.table) {
        if (line.epoch + epochs >= state.running_epoch) sum += line.amount_rau;
    }
    const std::uint64_t paid = state.summary.paid_intents;
    const U256 gas = paid == 0 ? U256(0) : U256(state.summary.gas_rau / paid);
    return sum / epochs + gas;
}

}  // namespace

std::optional<std::uint64_t> SettlementFigures::epochs_left() const {
    if (!balance_rau || epoch_cost_rau == 0) return std::nullopt;
    if (*balance_rau <= unpaid_rau) return 0;
    const U256 left = (*balance_rau - unpaid_rau) / epoch_cost_rau;
    constexpr std::uint64_t kMaxShown = 1'000'000'000;
    return left > kMaxShown ? kMaxShown : static_cast<std::uint64_t>(left);
}

SettlementFigures figures_of(const SettleState& state) {
    SettlementFigures out;
    const settlement::SettlementSummary& summary = state.summary;
    if (summary.halt.reason != settlement::HaltReason::none) {
        out.halted =
            summary.halt.detail.empty() ? settlement::to_string(summary.halt.reason) : summary.halt.detail;
    } else if (summary.hold.reason != settlement::HoldReason::none) {
        out.waits =
            summary.hold.detail.empty() ? settlement::to_string(summary.hold.reason) : summary.hold.detail;
        out.waits_since_ms = summary.hold_ms;
    }
    std::uint64_t first_unpaid = state.running_epoch;
    for (const PayoutLine& line : state.table) {
        if (is_paid(line) || !line.wallet) continue;
        ++out.unpaid_payouts;
        out.unpaid_rau += line.amount_rau;
        first_unpaid = std::min(first_unpaid, line.epoch);
    }
    if (first_unpaid > 0) out.paid_through = first_unpaid - 1;
    out.without_wallet_rau = state.no_wallet_rau;
    out.paid_rau = summary.paid_rau;
    out.gas_rau = summary.gas_rau;
    out.epoch_cost_rau = average_cost(state);
    return out;
}

std::string settlement_line(const SettlementFigures& figures) {
    std::string out =
        figures.paid_through ? fmt::format("paid to epoch {}", *figures.paid_through) : "nothing paid";
    if (!figures.halted.empty()) return out + ", SETTLEMENT HALTED: " + figures.halted;
    if (figures.waits.empty()) return out;
    const auto since = time_of_unix_ms(figures.waits_since_ms);
    return out + fmt::format(", settlement waits since {}: {}", rfc3339(since), figures.waits);
}

void add_settlement_fields(const SettlementFigures& figures, LogFields& fields) {
    if (figures.paid_through) fields.emplace_back("paid_epoch", *figures.paid_through);
    fields.emplace_back("unpaid_payouts", figures.unpaid_payouts);
    if (!figures.halted.empty()) fields.emplace_back("settlement_halted", figures.halted);
    if (!figures.waits.empty()) fields.emplace_back("settlement_waits", figures.waits);
}

std::string settlement_json(const std::optional<SettlementFigures>& maybe) {
    if (!maybe) return {};
    const SettlementFigures& figures = *maybe;
    nlohmann::ordered_json out;
    out["state"] = !figures.halted.empty() ? "halted" : !figures.waits.empty() ? "waits" : "ok";
    out["paid_through_epoch"] = figures.paid_through ? nlohmann::ordered_json(*figures.paid_through) : nullptr;
    out["unpaid_payouts"] = figures.unpaid_payouts;
    out["unpaid_iotx"] = rau_to_iotx(figures.unpaid_rau);
    out["unpaid_rau"] = to_decimal(figures.unpaid_rau);
    out["paid_iotx"] = rau_to_iotx(figures.paid_rau);
    out["paid_rau"] = to_decimal(figures.paid_rau);
    if (!figures.waits.empty()) {
        out["waits_since"] = rfc3339(time_of_unix_ms(figures.waits_since_ms));
        out["waits_for"] = figures.waits;
    }
    if (!figures.halted.empty()) out["halted"] = figures.halted;
    if (figures.balance_rau) {
        out["balance_iotx"] = rau_to_iotx(*figures.balance_rau);
        out["balance_rau"] = to_decimal(*figures.balance_rau);
    }
    if (const auto left = figures.epochs_left()) out["epochs_left"] = *left;
    return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

SettlementWatch::SettlementWatch(std::filesystem::path dir, std::function<std::optional<U256>()> balance,
                                 std::chrono::milliseconds interval)
    : reader_(dir),
      payouts_(std::move(dir)),
      balance_(std::move(balance)),
      interval_(interval),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

std::optional<SettlementFigures> SettlementWatch::latest() const {
    return *latest_.lock();
}

void SettlementWatch::look() {
    SettlementFigures figures;
    const Status read = reader_.with([&](settlement::SettlementView& view) -> Status {
        IOSWARM_TRY(const auto state, read_settle_state(view, payouts_, std::nullopt));
        figures = figures_of(state);
        const std::int64_t halted_ms = figures.halted.empty() ? 0 : state.summary.halt.at_ms;
        if (halted_ms != 0 && halted_ms != halt_seen_ms_) ++halts_;
        halt_seen_ms_ = halted_ms;
        return {};
    });
    // The notices' thread logs an error. The figures of the last look stay.
    if (!read) return;
    figures.halts = halts_;
    if (balance_) figures.balance_rau = balance_();
    *latest_.lock() = std::move(figures);
}

void SettlementWatch::run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    while (!stop.stop_requested()) {
        look();
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stop, interval_, [] { return false; });
    }
}

}  // namespace ioswarm::cli
