// SPDX-License-Identifier: Apache-2.0
// The settler's decision on what to pay.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {
namespace {

constexpr std::uint64_t kMaxGenerations = 3;

}  // namespace

/// Returns true when something is owed that is not covered yet.
Result<bool> Settler::Impl::read_owed(PlanInput& input, Draft& out) {
    IOSWARM_TRY(auto facts, payouts.read(identity.first_epoch));
    if (!facts.may_be_paid_on(identity.chain_id)) {
        return fail(ErrorCode::config, "cannot settle", {},
                    fmt::format("ledger.db belongs to {}, and settlement.db pays on EVM chain id {}",
                                facts.chain->text(), identity.chain_id),
                    "one of the two files came from another data directory: put the right one back");
    }
    if (!facts.altered.empty()) {
        out.halt = {HaltReason::ledger_differs, altered_ledger_text(facts.altered), now_ms()};
        return false;
    }
    IOSWARM_TRY(const auto newer, store.covered(facts.next_epoch));
    if (!newer.empty()) {
        out.halt = {
            HaltReason::ledger_differs,
            fmt::format("settlement.db covers epoch {}, and the ledger is in epoch {}: an older copy of "
                        "the ledger was put in its place",
                        newer.begin()->first, facts.next_epoch),
            now_ms()};
        return false;
    }
    std::uint64_t first = ~std::uint64_t{0};
    for (const OwedPayout& one : facts.waiting)
        first = std::min(first, one.epoch);
    IOSWARM_TRY(const auto covered, store.covered(first));
    for (OwedPayout& one : facts.waiting) {
        if (one.epoch < identity.first_epoch || covered.contains({one.epoch, one.agent_id})) continue;
        input.owed.push_back(std::move(one));
    }
    use_payable_wallets(input.owed, identity.contract);
    input.ledger_height = facts.last_height;
    input.up_to_epoch = settings.up_to_epoch;
    return !input.owed.empty();
}

/// Errors are only those of an endpoint.
Status Settler::Impl::read_chain(PlanInput& input) {
    IOSWARM_TRY(input.pool, pool.facts());
    IOSWARM_TRY(input.gas_price, price_now());
    IOSWARM_TRY(input.balance_rau, chain.balance(identity.wallet));
    return {};
}

/// Raises the gas of settlements that ran out of gas: half as much again for each time that it happened. The
/// limits still apply.
Status Settler::Impl::raise_gas(Plan& plan, const PlanInput& input, std::uint64_t out_of_gas) const {
    if (out_of_gas == 0 || plan.intents.empty()) return {};
    const SettlementLimits& limits = settings.limits;
    plan.max_gas_rau = 0;
    for (PlannedIntent& one : plan.intents) {
        std::uint64_t gas = one.intent.gas_limit;
        for (std::uint64_t i = 0; i < out_of_gas; ++i)
            gas = std::min(gas + gas / 2, std::max(limits.block_gas_limit, one.intent.gas_limit));
        one.intent.gas_limit = gas;
        plan.max_gas_rau += U256(gas) * limits.max_gas_price;
    }
    const U256 most = plan.value_rau + plan.max_gas_rau;
    const std::string figures = fmt::format(
        "the settlement ran out of gas and needs more: value and gas are at most {} IOTX", rau_to_iotx(most));
    if (most > limits.max_per_settlement_rau) {
        plan.hold = {HoldReason::over_settlement_limit,
                     fmt::format("{}, and settlement.maxPerSettlementIOTX is {}", figures,
                                 rau_to_iotx(limits.max_per_settlement_rau))};
    } else if (input.spent_today_rau + most > limits.max_per_day_rau) {
        plan.hold = {HoldReason::over_day_limit,
                     fmt::format("{}, {} IOTX were spent today, and settlement.maxPerDayIOTX is {}", figures,
                                 rau_to_iotx(input.spent_today_rau), rau_to_iotx(limits.max_per_day_rau))};
    }
    if (plan.hold.reason != HoldReason::none) plan.intents.clear();
    return {};
}

/// Transactions that raise_gas() gives more gas must still fit into a block. So there are fewer wallets in
/// each, unless not even one epoch fits then.
Result<Plan> Settler::Impl::plan_with_room(PlanInput& input, std::uint64_t out_of_gas) const {
    if (out_of_gas == 0) return make_plan(input);
    SettlementLimits smaller = settings.limits;
    for (std::uint64_t i = 0; i < out_of_gas; ++i)
        smaller.block_gas_limit = smaller.block_gas_limit / 3 * 2;
    input.limits = &smaller;
    auto out = make_plan(input);
    input.limits = &settings.limits;
    const bool fits = out && out->hold.reason != HoldReason::too_large;
    return fits ? std::move(out) : make_plan(input);
}

/// The most that the settlement under way can still cost. Only dry runs are made while there is one.
Result<Settler::Impl::Reserved> Settler::Impl::money_under_way() {
    Reserved out;
    IOSWARM_TRY(const auto live, store.live_intent());
    if (!live) return out;
    constexpr std::size_t kMaxSteps = 100;  // one settlement has fewer
    IOSWARM_TRY(const auto steps, store.intents(live->id, kMaxSteps));
    for (const IntentRow& step : steps) {
        if (is_final(step.state)) continue;
        const U256 most = step.value_rau + U256(step.gas_limit) * settings.limits.max_gas_price;
        out.rau += most;
        // spent_today() counts what is signed.
        if (step.state == IntentState::planned || step.state == IntentState::reserved)
            out.not_signed_rau += most;
    }
    return out;
}

Result<Settler::Impl::Draft> Settler::Impl::draft() {
    Draft out;
    PlanInput input;
    input.identity = &identity;
    input.limits = &settings.limits;
    IOSWARM_TRY(out.owes, read_owed(input, out));
    if (!out.owes || out.halt.reason != HaltReason::none) return out;
    IOSWARM_TRY(input.push_failed, store.push_failed());
    IOSWARM_TRY(input.spent_today_rau, store.spent_today(now_ms()));
    IOSWARM_TRY(const auto reserved, money_under_way());
    input.spent_today_rau += reserved.not_signed_rau;
    IOSWARM_TRY(const auto reverts, store.reverts_of_unpaid());
    if (reverts.generations >= kMaxGenerations) {
        out.halt = {HaltReason::reverted,
                    fmt::format("the same payouts failed on chain {} times; look at 'ioswarm settle status'",
                                reverts.generations),
                    now_ms()};
        return out;
    }
    if (Status read = read_chain(input); !read) {
        if (read.error().code == ErrorCode::config || read.error().code == ErrorCode::cancelled)
            return fail(std::move(read).error());
        out.plan.hold = {HoldReason::endpoint, read.error().text()};
        return out;
    }
    out.gas_price = input.gas_price;
    input.balance_rau -= std::min(input.balance_rau, reserved.rau);
    IOSWARM_TRY(out.plan, plan_with_room(input, reverts.out_of_gas));
    IOSWARM_DO(raise_gas(out.plan, input, reverts.out_of_gas));
    return out;
}

void Settler::Impl::log_unusable(const Plan& made) {
    constexpr std::size_t kMaxLogged = 1'000;  // bounds the memory, and what agents can write to the log
    for (const UnusableWallet& one : made.unusable_wallets) {
        if (logged_unusable.size() >= kMaxLogged) return;
        if (!logged_unusable.emplace(one.agent_id, one.wallet).second) continue;
        log.warn("settlement: {}; {} IOTX stay owed until it registers with another wallet",
                 unusable_wallet_text(one, identity.contract), rau_to_iotx(one.amount_rau));
    }
}

Result<SettlerStep> Settler::Impl::plan() {
    IOSWARM_TRY(auto drafted, draft());
    if (drafted.halt.reason != HaltReason::none) return store_halt(drafted.halt);
    log_unusable(drafted.plan);
    if (drafted.plan.hold.reason == HoldReason::endpoint)
        return report_unreachable(
            {ErrorCode::unavailable, "cannot settle now", {}, drafted.plan.hold.detail, {}});
    if (drafted.plan.hold.reason != HoldReason::none) return held(drafted.plan.hold);
    if (drafted.plan.intents.empty()) {
        IOSWARM_DO(progress());
        return SettlerStep{};
    }
    IOSWARM_TRY(const auto next, store.next_nonce());
    auto nonce = nonce_is_next(next);
    if (!nonce || nonce->state != SettlerStep::State::again) return nonce;
    const auto checked = pre_flight(drafted.plan.intents.front().intent, drafted.gas_price);
    if (!checked) return report_unreachable(checked.error());
    if (checked->halt.reason != HaltReason::none) return store_halt(checked->halt);
    if (checked->hold.reason != HoldReason::none) return held(checked->hold);

    failpoint("plan_made");
    IOSWARM_TRY(const auto stored, store.add_plan(drafted.plan.intents, now_ms()));
    failpoint("plan_stored");
    const IntentRow& first = stored.front();
    log.info("settlement: {} IOTX for {} will be paid in {} transaction{}", rau_to_iotx(drafted.plan.value_rau),
             epoch_range(first.first_epoch, stored.back().last_epoch), stored.size(),
             stored.size() == 1 ? "" : "s");
    IOSWARM_DO(progress());
    return next_step_now();
}

}  // namespace ioswarm::settlement
