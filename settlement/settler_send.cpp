// SPDX-License-Identifier: Apache-2.0
// From a planned intent to a sent transaction.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "contracts/gas.hpp"
#include "contracts/sender.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {

using contracts::SendOutcome;

/// Returns `again` when the chain counts as many transactions of the wallet as this file.
Result<SettlerStep> Settler::Impl::nonce_is_next(std::uint64_t next) {
    const auto nonce = check_nonce(next);
    if (!nonce) return report_unreachable(nonce.error());
    if (nonce->halt.reason != HaltReason::none) return store_halt(nonce->halt);
    if (nonce->hold.reason != HoldReason::none) return held(nonce->hold);
    return next_step_now();
}

Result<SettlerStep> Settler::Impl::begin(const IntentRow& intent) {
    IOSWARM_TRY(const auto next, store.next_nonce());
    auto nonce = nonce_is_next(next);
    if (!nonce || nonce->state != SettlerStep::State::again) return nonce;
    if (intent.kind == IntentKind::value) {
        IOSWARM_TRY(const auto weights, weights_for(intent));
        const auto same = check_weights(weights);
        if (!same) return report_unreachable(same.error());
        if (!same->passed()) return held(same->hold);
    }
    const SettlementLimits& limits = settings.limits;
    const U256 most = intent.value_rau + U256(intent.gas_limit) * limits.max_gas_price;
    IOSWARM_TRY(const auto spent, store.spent_today(now_ms()));
    if (spent + most > limits.max_per_day_rau) {
        return held(
            {HoldReason::over_day_limit,
             fmt::format("value and gas of the next part are at most {} IOTX, {} IOTX were spent today, "
                         "and settlement.maxPerDayIOTX is {}",
                         rau_to_iotx(most), rau_to_iotx(spent), rau_to_iotx(limits.max_per_day_rau))});
    }
    if (most > limits.max_per_settlement_rau) {
        const Hold hold{
            HoldReason::over_settlement_limit,
            fmt::format("value and gas are at most {} IOTX, and settlement.maxPerSettlementIOTX is {}",
                        rau_to_iotx(most), rau_to_iotx(limits.max_per_settlement_rau))};
        // The limit was lowered after the plan was made.
        return intent.kind == IntentKind::settle ? drop(intent, hold.detail) : held(hold);
    }
    const auto price = price_now();
    if (!price) return report_unreachable(price.error());
    const auto checked = pre_flight(intent, *price);
    if (!checked) return report_unreachable(checked.error());
    if (checked->halt.reason != HaltReason::none) return store_halt(checked->halt);
    // It has no nonce yet, so its payouts can be planned again for the contract's current state. Version 2's
    // value step is kept, since its weights are already paid for.
    if (checked->reverts && intent.kind == IntentKind::settle) return drop(intent, checked->hold.detail);
    if (checked->hold.reason != HoldReason::none) return held(checked->hold);
    IOSWARM_DO(store.reserve_nonce(intent.id));
    failpoint("nonce_reserved");
    return next_step_now();
}

Result<SettlerStep> Settler::Impl::drop(const IntentRow& intent, const std::string& reason) {
    SettlementStore::End end;
    end.state = IntentState::cancelled;
    end.reason = reason;
    end.now_ms = now_ms();
    IOSWARM_DO(store.finish(intent.id, end));
    failpoint("plan_dropped");
    log.warn("settlement: the payment for {} is planned anew before it was signed: {}",
             epoch_range(intent.first_epoch, intent.last_epoch), reason);
    return next_step_now();
}

Result<SettlerStep> Settler::Impl::sign_first(const IntentRow& intent) {
    auto nonce = nonce_is_next(*intent.nonce);
    if (!nonce || nonce->state != SettlerStep::State::again) return nonce;
    const auto tip = chain.tip();
    if (!tip) return report_unreachable(tip.error());
    const auto price = price_now();
    if (!price) return report_unreachable(price.error());
    if (intent.kind == IntentKind::value) {
        IOSWARM_TRY(const auto weights, weights_for(intent));
        const auto same = check_weights(weights);
        if (!same) return report_unreachable(same.error());
        if (!same->passed()) return held(same->hold);
    }
    const auto checked = pre_flight(intent, *price);
    if (!checked) return report_unreachable(checked.error());
    if (checked->halt.reason != HaltReason::none) return store_halt(checked->halt);
    if (checked->hold.reason != HoldReason::none) return held(checked->hold);
    auto attempt = signer.sign(intent, AttemptKind::pay, *price, *tip);
    if (!attempt && attempt.error().code == ErrorCode::permission_denied)
        return held({HoldReason::over_settlement_limit, attempt.error().text()});
    if (!attempt) return fail(std::move(attempt).error());
    attempt->signed_ms = now_ms();
    failpoint("signed_in_memory");
    IOSWARM_DO(store.add_attempt(*attempt));
    failpoint("attempt_stored");
    return next_step_now();
}

Result<SettlerStep> Settler::Impl::send_first(const IntentRow& intent) {
    IOSWARM_TRY(const auto attempts, store.attempts(intent.id));
    if (attempts.empty())
        return fail(ErrorCode::data_loss, "cannot settle", fmt::format("intent {}", intent.id),
                    "its signed bytes are missing");
    watch_intent(intent, attempts);
    return send(intent, attempts.back());
}

Result<SettlerStep> Settler::Impl::send(const IntentRow& intent, const AttemptRow& attempt) {
    const auto tip = chain.tip();
    if (!tip) return report_unreachable(tip.error());
    IOSWARM_DO(store.note_send(intent.id, attempt.number, *tip));
    failpoint("send_noted");
    const RawEthTx raw{attempt.raw, attempt.hash};
    const contracts::SendResult sent = chain.send(raw);
    // The endpoint may have dropped a transaction that was sent before and is not mined. So send it to the
    // others too.
    const bool kept = attempt.sends > 0 && evidence.send_to_others(raw);
    failpoint("sent");
    const bool pooled = kept || sent.outcome == SendOutcome::accepted || sent.outcome == SendOutcome::known;
    std::string answer = contracts::to_string(sent.outcome);
    if (!sent.why.empty()) answer += ": " + sent.why;
    IOSWARM_DO(store.note_answer(intent.id, attempt.number, std::move(answer), pooled));
    failpoint("answer_noted");
    if (watch.attempt != attempt.number) {
        watch.attempt = attempt.number;
        watch.since = *tip;
        log.info("settlement: transaction {} for {} was sent with nonce {}; the endpoint's answer: {}",
                 to_hex0x(attempt.hash.view()), epoch_range(intent.first_epoch, intent.last_epoch),
                 intent.nonce.value_or(0), contracts::to_string(sent.outcome));
    }
    return after_send(intent, sent, pooled);
}

void Settler::Impl::retry_later() {
    watch.send_due = true;
    watch.back_off =
        watch.back_off.count() == 0 ? settings.poll : std::min(watch.back_off * 2, settings.longest_back_off);
    watch.not_before = clock.steady() + watch.back_off;
}

Result<SettlerStep> Settler::Impl::after_send(const IntentRow& intent, const contracts::SendResult& sent,
                                              bool pooled) {
    watch.send_due = false;
    watch.refused_price = false;
    watch.not_before.reset();
    if (pooled || sent.outcome == SendOutcome::nonce_too_low) {
        // The nonce may be too low because this intent used it. The receipts of all attempts will tell.
        watch.back_off = std::chrono::milliseconds{0};
        return waiting();
    }
    switch (sent.outcome) {
        case SendOutcome::wrong_chain:
            return fail(ErrorCode::config, "cannot send", {}, sent.why, "check rewardRpcUrl");
        case SendOutcome::underpriced:
            watch.refused_price = true;
            return next_step_now();
        case SendOutcome::no_funds:
            retry_later();
            return waits_for({HoldReason::balance, "the node says: " + sent.why});
        case SendOutcome::gas_too_low:
        case SendOutcome::gas_too_high:
            retry_later();
            return waits_for({HoldReason::too_large,
                              fmt::format("the node refuses {} gas: {}; 'ioswarm settle unstick' replaces it",
                                          intent.gas_limit, sent.why)});
        case SendOutcome::nonce_too_high: {
            retry_later();
            const auto confirmed = chain.confirmed_nonce(identity.wallet);
            if (!confirmed) return report_unreachable(confirmed.error());
            IOSWARM_DO(send_below(confirmed->nonce, intent.nonce.value_or(0)));
            return waits_for({HoldReason::endpoint, "the node says: " + sent.why});
        }
        default:  // pool_full, unknown: the node may have kept it
            retry_later();
            return waits_for({HoldReason::endpoint, "the node says: " + sent.why});
    }
}

Result<SettlerStep> Settler::Impl::send_again(const IntentRow& intent,
                                              const std::vector<AttemptRow>& attempts) {
    const AttemptRow& newest = attempts.back();
    if (newest.sends == 0 || watch.attempt != newest.number) return send(intent, newest);
    if (watch.not_before && clock.steady() < *watch.not_before)
        return SettlerStep{SettlerStep::State::waiting, settings.poll, {}};
    const auto tip = chain.tip();
    if (!tip) return report_unreachable(tip.error());
    const bool is_slow = *tip >= watch.since + settings.blocks_until_bump;
    if (watch.refused_price || is_slow) {
        IOSWARM_TRY(const auto raised, raise_price(intent, newest, *tip, settings.limits.max_gas_price));
        if (raised) return next_step_now();
    }
    if (watch.refused_price) {
        retry_later();
        watch.refused_price = false;
        return waits_for(
            {HoldReason::gas_price, "the node wants a higher price than settlement.maxGasPriceGwei allows"});
    }
    if (watch.send_due) return send(intent, newest);
    if (!is_slow) return waiting_for_blocks(*tip);
    // At the price cap the same bytes are sent again and again.
    if (*tip >= newest.sent_block + settings.blocks_until_bump) {
        auto sent = send(intent, newest);
        if (!sent || sent->state != SettlerStep::State::waiting || sent->hold.reason != HoldReason::none)
            return sent;
    }
    return waits_for(
        {HoldReason::gas_price,
         fmt::format("not mined at the highest price that settlement.maxGasPriceGwei allows ({} rau "
                     "per gas); it is sent again and again",
                     to_decimal(newest.gas_price))});
}

Result<bool> Settler::Impl::raise_price(const IntentRow& intent, const AttemptRow& newest, std::uint64_t tip,
                                        const U256& cap) {
    U256 price = contracts::bumped_price(newest.gas_price);
    if (const auto wanted = price_now()) price = std::max(price, *wanted);
    price = std::min(price, cap);
    if (price <= newest.gas_price) return false;
    auto attempt = signer.sign(intent, newest.kind, price, tip);
    // Above a limit that was lowered meanwhile: keep the old price.
    if (!attempt && attempt.error().code == ErrorCode::permission_denied) return false;
    if (!attempt) return fail(std::move(attempt).error());
    attempt->signed_ms = now_ms();
    failpoint("bump_signed");
    IOSWARM_DO(store.add_attempt(*attempt));
    failpoint("bump_stored");
    log.info("settlement: nonce {} was not mined in time; its price rises to {} rau per gas",
             intent.nonce.value_or(0), to_decimal(price));
    return true;
}

}  // namespace ioswarm::settlement
