// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/settlement/report.hpp"
#include "core/base/decimal.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

using Json = nlohmann::ordered_json;
using settlement::IntentRow;

Json hash_or_null(const std::optional<Hash256>& hash) {
    return hash ? Json(to_hex0x(hash->view())) : Json();
}

/// Text from other programs may contain invalid UTF-8, which is replaced.
std::string document(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json intent_json(const IntentRow& intent) {
    Json out{{"id", intent.id},
             {"kind", settlement::to_string(intent.kind)},
             {"state", settlement::to_string(intent.state)},
             {"first_epoch", intent.first_epoch},
             {"last_epoch", intent.last_epoch},
             {"value_rau", to_decimal(intent.value_rau)},
             {"nonce", intent.nonce ? Json(*intent.nonce) : Json()},
             {"transaction", hash_or_null(intent.hash)}};
    if (intent.hash) {
        out["block"] = intent.block;
        out["gas_rau"] = to_decimal(U256(intent.gas_used) * intent.gas_price);
    }
    if (settlement::only_credits(intent)) out["only_credits"] = true;
    if (!intent.reason.empty()) out["reason"] = intent.reason;
    return out;
}

Json hold_json(const settlement::Hold& hold) {
    if (hold.reason == settlement::HoldReason::none) return {};
    return {{"reason", settlement::to_string(hold.reason)}, {"detail", hold.detail}};
}

Json halt_json(const settlement::Halt& halt) {
    if (halt.reason == settlement::HaltReason::none) return {};
    return {{"reason", settlement::to_string(halt.reason)}, {"detail", halt.detail}, {"since_ms", halt.at_ms}};
}

const char* state_word(const SettlerRun& run) {
    using State = settlement::SettlerStep::State;
    switch (run.last.state) {
        case State::idle:
            return run.ended.empty() ? "nothing_owed" : "paid";
        case State::again:
        case State::waiting:
            return "not_final";
        case State::held:
            return "held";
        case State::halted:
            return "halted";
    }
    return "";
}

Json attempts_json(const std::vector<settlement::AttemptRow>& attempts) {
    Json out = Json::array();
    for (const settlement::AttemptRow& attempt : attempts) {
        out.push_back({{"transaction", to_hex0x(attempt.hash.view())},
                       {"kind", settlement::to_string(attempt.kind)},
                       {"gas_price_rau", to_decimal(attempt.gas_price)},
                       {"sends", attempt.sends},
                       {"answer", attempt.answer}});
    }
    return out;
}

Json under_way_json(const UnderWay& under_way) {
    if (under_way.live() == nullptr) return {};
    Json out{{"settlement", under_way.live()->settlement},
             {"remaining_rau", to_decimal(under_way.remaining_rau())},
             {"next", next_text(under_way)},
             {"steps", Json::array()}};
    for (const IntentRow& step : under_way.steps)
        out["steps"].push_back(intent_json(step));
    return out;
}

Json table_json(const SettleState& state) {
    Json out = Json::array();
    for (const PayoutLine& line : state.table) {
        out.push_back({{"epoch", line.epoch},
                       {"agent_id", line.agent_id},
                       {"wallet", line.wallet ? Json(to_checksum_hex(*line.wallet)) : Json()},
                       {"amount_rau", to_decimal(line.amount_rau)},
                       {"state", line.state},
                       {"transaction", hash_or_null(line.hash)}});
    }
    return out;
}

/// `contract` is the reward contract, which is no wallet either.
Json unusable_wallet_json(const std::string& agent_id, const Address& wallet, const Address& contract) {
    return {{"agent_id", agent_id},
            {"wallet", to_checksum_hex(wallet)},
            {"reason", settlement::why_unpayable(wallet, contract)}};
}

Json unusable_json(const SettleState& state) {
    Json out = Json::array();
    for (const auto& [agent, wallet] : state.unusable_wallets)
        out.push_back(unusable_wallet_json(agent, wallet, state.summary.identity.contract));
    return out;
}

Json unusable_json(const settlement::Plan& plan, const settlement::SettlementIdentity& identity) {
    Json out = Json::array();
    for (const settlement::UnusableWallet& one : plan.unusable_wallets)
        out.push_back(unusable_wallet_json(one.agent_id, one.wallet, identity.contract));
    return out;
}

}  // namespace

std::string run_json(const SettlerRun& run, const settlement::Halt& halt) {
    Json out{{"state", state_word(run)},
             {"settled", Json::array()},
             {"hold", hold_json(run.last.hold)},
             {"halt", halt_json(halt)}};
    for (const IntentRow& intent : run.ended)
        out["settled"].push_back(intent_json(intent));
    return document(out);
}

std::string state_json(const SettleState& state) {
    const settlement::SettlementSummary& summary = state.summary;
    Json out{{"chain_id", summary.identity.chain_id},
             {"contract", to_checksum_hex(summary.identity.contract)},
             {"version", settlement::to_string(summary.identity.pool)},
             {"wallet", to_checksum_hex(summary.identity.wallet)},
             {"first_epoch", summary.identity.first_epoch},
             {"running_epoch", state.running_epoch},
             {"paid_rau", to_decimal(summary.paid_rau)},
             {"gas_rau", to_decimal(summary.gas_rau)},
             {"paid_transactions", summary.paid_intents},
             {"failed_transactions", summary.reverted_intents},
             {"owed_payouts", state.owed_payouts},
             {"owed_rau", to_decimal(state.owed_rau)},
             {"no_wallet_rau", to_decimal(state.no_wallet_rau)},
             {"no_wallet", Json::object()},
             {"unusable_wallets", unusable_json(state)},
             {"live", summary.live ? intent_json(*summary.live) : Json()},
             {"attempts", attempts_json(state.under_way.attempts)},
             {"under_way", under_way_json(state.under_way)},
             {"hold", hold_json(summary.hold)},
             {"halt", halt_json(summary.halt)},
             {"payouts", table_json(state)}};
    for (const auto& [agent, amount] : state.no_wallet)
        out["no_wallet"][agent] = to_decimal(amount);
    return document(out);
}

std::string plan_json(const settlement::Plan& plan, const settlement::SettlementIdentity& identity,
                      const UnderWay& under_way) {
    Json out{{"dry_run", true},
             {"chain_id", identity.chain_id},
             {"from", to_checksum_hex(identity.wallet)},
             {"value_rau", to_decimal(plan.value_rau)},
             {"max_gas_rau", to_decimal(plan.max_gas_rau)},
             {"under_way", under_way_json(under_way)},
             {"hold", hold_json(plan.hold)},
             {"halt", halt_json(under_way.halt)},
             {"no_wallet_payouts", plan.unpaid_without_wallet},
             {"no_wallet_rau", to_decimal(plan.unpaid_without_wallet_rau)},
             {"unusable_wallets", unusable_json(plan, identity)},
             {"transactions", Json::array()}};
    for (const settlement::PlannedIntent& planned : plan.intents) {
        const IntentRow& intent = planned.intent;
        Json one{{"kind", settlement::to_string(intent.kind)},
                 {"to", to_checksum_hex(intent.to)},
                 {"value_rau", to_decimal(intent.value_rau)},
                 {"gas_limit", intent.gas_limit},
                 {"pool_epoch", intent.pool_epoch},
                 {"data", to_hex0x(intent.data)},
                 {"payouts", Json::array()}};
        for (const settlement::CoveredPayout& payout : planned.payouts) {
            one["payouts"].push_back({{"epoch", payout.epoch},
                                      {"agent_id", payout.agent_id},
                                      {"wallet", to_checksum_hex(payout.wallet)},
                                      {"amount_rau", to_decimal(payout.amount_rau)}});
        }
        out["transactions"].push_back(std::move(one));
    }
    return document(out);
}

std::string unstick_plan_json(const UnderWay& under_way, const UnstickChoices& choices) {
    const IntentRow* const live = under_way.live();
    Json out{{"dry_run", true},
             {"live", live == nullptr ? Json() : intent_json(*live)},
             {"attempts", attempts_json(under_way.attempts)},
             {"under_way", under_way_json(under_way)},
             {"halt", halt_json(under_way.halt)},
             {"refused", choices.refused.empty() ? Json() : Json(choices.refused)}};
    if (!choices.refused.empty()) return document(out);
    out["least_gas_price_rau"] = to_decimal(choices.min_price);
    out["most_gas_price_rau"] = to_decimal(choices.max_price);
    out["can_raise_price"] = choices.can_raise;
    out["stays_owed_rau"] = to_decimal(choices.stays_owed_rau);
    out["also_dropped"] = Json::array();
    for (const IntentRow& step : choices.also_dropped)
        out["also_dropped"].push_back(intent_json(step));
    return document(out);
}

}  // namespace ioswarm::cli
