// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/report.hpp"

#include <chrono>

#include <fmt/format.h>

#include "cli/settlement/options.hpp"
#include "core/base/decimal.hpp"
#include "core/base/text.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

using settlement::AttemptKind;
using settlement::AttemptRow;
using settlement::HoldReason;
using settlement::IntentKind;
using settlement::IntentRow;
using settlement::IntentState;
using settlement::SettlementSummary;

std::string time_text(std::int64_t ms) {
    return rfc3339(std::chrono::system_clock::time_point(std::chrono::milliseconds(ms)));
}

std::string short_wallet(const std::optional<Address>& wallet) {
    return wallet ? to_checksum_hex(*wallet) : "-";
}

std::string ended_line(const IntentRow& intent) {
    const std::string range = epoch_range(intent.first_epoch, intent.last_epoch);
    const std::string where =
        intent.hash ? fmt::format(" in transaction {} (block {}, gas {})", to_hex0x(intent.hash->view()),
                                  intent.block, iotx_amount(U256(intent.gas_used) * intent.gas_price))
                    : "";
    if (intent.state == IntentState::final_reverted)
        return fmt::format("FAILED on chain: {}{}: {}; the payouts stay owed\n", range, where, intent.reason);
    if (intent.state == IntentState::cancelled)
        return fmt::format("cancelled: {}{}: {}; the payouts stay owed\n", range, where, intent.reason);
    if (intent.kind == IntentKind::weights) return fmt::format("set the weights for {}{}\n", range, where);
    return fmt::format("paid {} for {}{}\n", iotx_amount(intent.value_rau), range, where);
}

std::string live_text(const SettleState& state) {
    const IntentRow& live = *state.summary.live;
    std::string out =
        fmt::format("under way   settlement {}, {} of {}: {}", live.id, iotx_amount(live.value_rau),
                    epoch_range(live.first_epoch, live.last_epoch), settlement::to_string(live.state));
    if (live.nonce) out += fmt::format(", nonce {}", *live.nonce);
    out += '\n';
    for (const AttemptRow& attempt : state.live_attempts) {
        out += fmt::format("            {} at {}, sent {}{}{}\n", to_hex0x(attempt.hash.view()),
                           gwei_price(attempt.gas_price), count_of(attempt.sends, "time"),
                           attempt.kind == AttemptKind::noop ? ", empty" : "",
                           attempt.answer.empty() ? "" : ": " + escape_for_display(attempt.answer));
    }
    return out;
}

std::string hold_text(const SettlementSummary& summary) {
    if (summary.hold.reason == HoldReason::none) return "";
    std::string out =
        fmt::format("waiting     since {}: {} ({})\n", time_text(summary.hold_ms),
                    escape_for_display(summary.hold.detail), settlement::to_string(summary.hold.reason));
    const std::string hint = hold_hint(summary.hold.reason);
    if (!hint.empty()) out += fmt::format("            {}\n", hint);
    return out;
}

std::string no_wallet_text(const SettleState& state) {
    constexpr std::size_t kNamed = 5;
    if (state.no_wallet.empty()) return "";
    std::string names;
    std::size_t count = 0;
    for (const auto& [agent, amount] : state.no_wallet) {
        if (count++ >= kNamed) break;
        names +=
            fmt::format("{}{} ({})", names.empty() ? "" : ", ", escape_for_display(agent), iotx_amount(amount));
    }
    if (state.no_wallet.size() > kNamed) names += fmt::format(" and {} more", state.no_wallet.size() - kNamed);
    return fmt::format("no wallet   {} kept for {} without one: {}\n", iotx_amount(state.no_wallet_rau),
                       count_of(state.no_wallet.size(), "agent"), names);
}

}  // namespace

std::string iotx_amount(const U256& rau) {
    return rau_to_iotx(rau) + " IOTX";
}

std::string gwei_price(const U256& rau_per_gas) {
    // rau_to_iotx() divides by 10^18, but a Gwei is 10^9 rau
    return rau_to_iotx(rau_per_gas * kRauPerGwei) + " Gwei";
}

std::string count_of(std::uint64_t count, std::string_view thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string hold_hint(HoldReason reason) {
    switch (reason) {
        case HoldReason::gas_price:
            return "settlement.maxGasPriceGwei is the highest price that is paid";
        case HoldReason::gas_share:
            return "settlement.maxGasPercent is the most that gas may cost";
        case HoldReason::over_settlement_limit:
            return "'ioswarm settle --epoch N' pays fewer epochs at once; settlement.maxPerSettlementIOTX is "
                   "the limit";
        case HoldReason::over_day_limit:
            return "it goes on tomorrow (UTC); settlement.maxPerDayIOTX is the limit";
        case HoldReason::balance:
            return "send IOTX to the settling wallet";
        case HoldReason::pool_weights:
            return "the search for wallets with weight began too late: make settlement.db anew with an earlier "
                   "--pool-from-block";
        case HoldReason::pool_damaged:
            return "set settlement.push: true, or deploy a new contract with 'ioswarm deploy'";
        case HoldReason::too_large:
            return "'ioswarm settle --epoch N' pays fewer epochs at once";
        case HoldReason::simulation:
            return "'ioswarm settle audit' compares the contract with what settlement.db was made for";
        case HoldReason::nonce_free:
            return "if the endpoints are not behind, send any transaction from the settling wallet, for "
                   "example with "
                   "'ioswarm fund': it gets that nonce, and the settler goes on";
        case HoldReason::none:
        case HoldReason::too_few_epochs:
        case HoldReason::below_min_payout:
        case HoldReason::no_wallets:
        case HoldReason::pool_epoch:
        case HoldReason::endpoint:
            return "";
    }
    return "";
}

std::string run_text(const SettlerRun& run) {
    std::string out;
    for (const IntentRow& intent : run.ended)
        out += ended_line(intent);
    return out;
}

std::string state_text(const SettleState& state) {
    const SettlementSummary& summary = state.summary;
    std::string out =
        fmt::format("contract    {} ({}) on chain {}\nwallet      {}\n",
                    to_checksum_hex(summary.identity.contract), settlement::to_string(summary.identity.pool),
                    summary.identity.chain_id, to_checksum_hex(summary.identity.wallet));
    out += fmt::format(
        "paid        {} by {}; gas {}{}\n", iotx_amount(summary.paid_rau),
        count_of(summary.paid_intents, "transaction"), iotx_amount(summary.gas_rau),
        summary.reverted_intents == 0 ? "" : fmt::format("; {} failed on chain", summary.reverted_intents));
    if (summary.foreign_nonces > 0) {
        out += fmt::format("given up    {} of the wallet, which others used\n",
                           count_of(summary.foreign_nonces, "nonce"));
    }
    out += state.owed_payouts == 0 ? "owed        nothing\n"
                                   : fmt::format("owed        {}: {} of {}\n", iotx_amount(state.owed_rau),
                                                 count_of(state.owed_payouts, "payout"),
                                                 epoch_range(state.owed_first, state.owed_last));
    out += no_wallet_text(state);
    if (summary.live) out += live_text(state);
    out += hold_text(summary);
    if (summary.halt.reason != settlement::HaltReason::none) {
        out += fmt::format(
            "HALTED      since {}: {} ({})\n            'ioswarm settle audit' tells more; 'ioswarm "
            "settle resume' goes on\n",
            time_text(summary.halt.at_ms), escape_for_display(summary.halt.detail),
            settlement::to_string(summary.halt.reason));
    }
    if (state.table.empty()) return out;
    out += fmt::format("\n{:>8}  {:<20}  {:<42}  {:>24}  {:<10}  {}\n", "epoch", "agent", "wallet", "IOTX",
                       "state", "transaction");
    for (const PayoutLine& line : state.table) {
        out += fmt::format("{:>8}  {:<20}  {:<42}  {:>24}  {:<10}  {}\n", line.epoch,
                           escape_for_display(line.agent_id), short_wallet(line.wallet),
                           rau_to_iotx(line.amount_rau), line.state,
                           line.hash ? to_hex0x(line.hash->view()) : "-");
    }
    return out;
}

std::string plan_text(const settlement::Plan& plan, const settlement::SettlementIdentity& identity) {
    std::string out;
    for (const settlement::PlannedIntent& planned : plan.intents) {
        const IntentRow& intent = planned.intent;
        out += fmt::format(
            "{} on chain {}\n  from       {}\n  to         {} ({})\n  value      {}\n  gas limit  {}\n",
            intent.kind == IntentKind::weights
                ? "set the weights for " + epoch_range(intent.first_epoch, intent.last_epoch)
                : "pay " + epoch_range(intent.first_epoch, intent.last_epoch),
            identity.chain_id, to_checksum_hex(identity.wallet), to_checksum_hex(intent.to),
            settlement::to_string(identity.pool), iotx_amount(intent.value_rau), intent.gas_limit);
        if (intent.kind == IntentKind::settle) out += fmt::format("  id         {}\n", intent.pool_epoch);
        out += fmt::format("  data       {}\n", to_hex0x(intent.data));
        for (const settlement::CoveredPayout& payout : planned.payouts) {
            out += fmt::format("  {:>8}  {:<20}  {}  {}\n", payout.epoch, escape_for_display(payout.agent_id),
                               to_checksum_hex(payout.wallet), iotx_amount(payout.amount_rau));
        }
    }
    if (!plan.intents.empty()) {
        out += fmt::format("in all {}, and at most {} for gas\n", iotx_amount(plan.value_rau),
                           iotx_amount(plan.max_gas_rau));
    }
    if (plan.hold.reason != HoldReason::none) {
        out += fmt::format("nothing would be paid: {} ({})\n", plan.hold.detail,
                           settlement::to_string(plan.hold.reason));
    } else if (plan.intents.empty()) {
        out += "nothing is owed\n";
    }
    if (plan.unpaid_without_wallet > 0) {
        out += fmt::format("{} in {} of agents without a wallet stay owed\n",
                           iotx_amount(plan.unpaid_without_wallet_rau),
                           count_of(plan.unpaid_without_wallet, "payout"));
    }
    return out + "nothing was sent (--dry-run)\n";
}

}  // namespace ioswarm::cli
