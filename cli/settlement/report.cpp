// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/report.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "cli/settlement/options.hpp"
#include "core/base/decimal.hpp"
#include "core/base/text.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

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
    if (settlement::only_credits(intent)) {
        return fmt::format("credited {} for {}{}: the contract keeps it until the agents claim it\n",
                           iotx_amount(intent.value_rau), range, where);
    }
    return fmt::format("paid {} for {}{}\n", iotx_amount(intent.value_rau), range, where);
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

std::string owed_text(const SettleState& state) {
    const bool is_under_way = state.under_way.live() != nullptr;
    if (state.owed_payouts == 0) {
        return is_under_way ? "owed        nothing besides the settlement that is under way\n"
                            : "owed        nothing\n";
    }
    return fmt::format("owed        {}: {} of {}{}\n", iotx_amount(state.owed_rau),
                       count_of(state.owed_payouts, "payout"), epoch_range(state.owed_first, state.owed_last),
                       is_under_way ? ", besides the settlement that is under way" : "");
}

std::string no_wallet_text(const SettleState& state) {
    constexpr std::size_t kNamed = 5;
    if (state.no_wallet.empty()) return "";
    std::string names;
    std::size_t count = 0;
    for (const auto& [agent, amount] : state.no_wallet) {
        if (count++ >= kNamed) break;
        const auto unusable = state.unusable_wallets.find(agent);
        const std::string why =
            unusable == state.unusable_wallets.end()
                ? ""
                : fmt::format("; it named {}, which {}", to_checksum_hex(unusable->second),
                              settlement::why_unpayable(unusable->second, state.summary.identity.contract));
        names += fmt::format("{}{} ({}{})", names.empty() ? "" : ", ", escape_for_display(agent),
                             iotx_amount(amount), why);
    }
    if (state.no_wallet.size() > kNamed) names += fmt::format(" and {} more", state.no_wallet.size() - kNamed);
    return fmt::format("no wallet   {} kept for {} without one that can be paid: {}\n",
                       iotx_amount(state.no_wallet_rau), count_of(state.no_wallet.size(), "agent"), names);
}

std::string planned_text(const settlement::PlannedIntent& planned,
                         const settlement::SettlementIdentity& identity) {
    const IntentRow& intent = planned.intent;
    std::string out =
        fmt::format("{} on chain {}\n  from       {}\n  to         {} ({})\n  value      {}\n  gas limit  {}\n",
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
    return out;
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
    out += owed_text(state);
    out += no_wallet_text(state);
    out += under_way_text(state.under_way);
    out += hold_text(summary);
    out += halt_text(summary.halt);
    if (state.table.empty()) return out;
    out += fmt::format("\n{:>8}  {:<20}  {:<42}  {:>24}  {:<10}  {}\n", "epoch", "agent", "wallet", "IOTX",
                       "state", "transaction");
    for (const PayoutLine& line : state.table) {
        out += fmt::format("{:>8}  {:<20}  {:<42}  {:>24}  {:<10}  {}\n", line.epoch,
                           escape_for_display(line.agent_id), short_wallet(line.wallet),
                           rau_to_iotx(line.amount_rau), line.state,
                           line.hash ? to_hex0x(line.hash->view()) : "-");
    }
    if (std::ranges::any_of(state.table, [](const PayoutLine& line) { return line.state == "credited"; })) {
        out += fmt::format(
            "\ncredited: the contract keeps the money until the wallet's owner claims it, for example with\n"
            "'ioswarm claim --contract {}'\n",
            to_checksum_hex(summary.identity.contract));
    }
    return out;
}

std::string plan_text(const settlement::Plan& plan, const settlement::SettlementIdentity& identity,
                      const UnderWay& under_way) {
    std::string out = halt_text(under_way.halt) + under_way_text(under_way);
    const bool is_first = under_way.live() == nullptr;
    const bool is_halted = under_way.halt.reason != settlement::HaltReason::none;
    if (!plan.intents.empty() && !is_first) {
        out +=
            "after that, this would be planned; its calls may differ, because the contract changes until "
            "then:\n";
    } else if (!plan.intents.empty() && is_halted) {
        out += "once the halt is ended, this would be sent:\n";
    }
    for (const settlement::PlannedIntent& planned : plan.intents)
        out += planned_text(planned, identity);
    if (!plan.intents.empty()) {
        out += fmt::format("in all {}, and at most {} for gas\n", iotx_amount(plan.value_rau),
                           iotx_amount(plan.max_gas_rau));
    }
    if (plan.hold.reason != HoldReason::none) {
        out += fmt::format("nothing {}would be paid: {} ({})\n", is_first ? "" : "more ",
                           escape_for_display(plan.hold.detail), settlement::to_string(plan.hold.reason));
    } else if (plan.intents.empty()) {
        out += is_first ? "nothing is owed\n" : "nothing more is owed\n";
    }
    if (plan.unpaid_without_wallet > 0) {
        out += fmt::format("{} in {} of agents without a wallet stay owed\n",
                           iotx_amount(plan.unpaid_without_wallet_rau),
                           count_of(plan.unpaid_without_wallet, "payout"));
    }
    for (const settlement::UnusableWallet& one : plan.unusable_wallets)
        out += escape_for_display(unusable_wallet_text(one, identity.contract)) + '\n';
    return out + "nothing was sent (--dry-run)\n";
}

}  // namespace ioswarm::cli
