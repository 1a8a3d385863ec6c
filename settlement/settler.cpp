// SPDX-License-Identifier: Apache-2.0
#include "settlement/settler.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {

Settler::Impl::Impl(SettlementStore& store_in, PayoutSource& payouts_in, contracts::ChainClient& chain_in,
                    const SettlementSigner& signer_in, SettlerSettings settings_in, const Clock& clock_in,
                    Log log_in, std::stop_token stop_in)
    : store(store_in),
      payouts(payouts_in),
      chain(chain_in),
      signer(signer_in),
      settings(std::move(settings_in)),
      clock(clock_in),
      log(std::move(log_in)),
      stop(std::move(stop_in)),
      identity(store_in.identity()),
      pool(chain_in, identity),
      evidence(chain_in, identity.wallet) {}

Settler::Settler(SettlementStore& store, PayoutSource& payouts, contracts::ChainClient& chain,
                 const SettlementSigner& signer, SettlerSettings settings, const Clock& clock, Log log,
                 std::stop_token stop)
    : impl_(std::make_unique<Impl>(store, payouts, chain, signer, std::move(settings), clock, std::move(log),
                                   std::move(stop))) {}

Settler::~Settler() = default;

Result<SettlerStep> Settler::step() {
    return impl_->step();
}

Result<Plan> Settler::dry_run() {
    IOSWARM_TRY(auto draft, impl_->draft());
    if (draft.halt.reason != HaltReason::none) {
        return fail(ErrorCode::failed_check, "settling would halt", to_string(draft.halt.reason),
                    draft.halt.detail);
    }
    return std::move(draft.plan);
}

Status Settler::unstick(Unstick how, const U256& cap) {
    return impl_->unstick(how, cap);
}

Status Settler::resume() {
    return impl_->resume();
}

std::int64_t Settler::Impl::now_ms() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall().time_since_epoch()).count();
}

Result<SettlerStep> Settler::Impl::step() {
    IOSWARM_TRY(const auto halt, store.halt());
    if (halt.reason != HaltReason::none)
        return SettlerStep{SettlerStep::State::halted, settings.longest_back_off, {}};
    if (!reconciled) {
        auto done = reconcile();
        if (!done || done->state != SettlerStep::State::again) return done;
        reconciled = true;
    }
    IOSWARM_TRY(const auto live, store.live_intent());
    return live ? work_on(*live) : plan();
}

Result<SettlerStep> Settler::Impl::work_on(const IntentRow& intent) {
    switch (intent.state) {
        case IntentState::planned:
            return begin(intent);
        case IntentState::reserved:
            return sign_first(intent);
        case IntentState::signed_:
            return send_first(intent);
        case IntentState::sending:
        case IntentState::pooled:
        case IntentState::mined:
        case IntentState::cancelling:
            return check_transaction(intent);
        case IntentState::final_ok:
        case IntentState::final_reverted:
        case IntentState::cancelled:
            break;
    }
    return fail(ErrorCode::internal, "cannot settle", fmt::format("intent {}", intent.id),
                "it is final already");
}

/// Checks that settlement.db, the key, the ledger and the chain belong together. step() does this once, before
/// anything is signed.
Result<SettlerStep> Settler::Impl::reconcile() {
    if (signer.wallet() != identity.wallet) {
        return fail(ErrorCode::config, "cannot settle", {},
                    fmt::format("settlement.db was made for wallet {}, and the key is that of {}",
                                to_hex0x(identity.wallet.view()), to_hex0x(signer.wallet().view())),
                    "give the key of that wallet");
    }
    if (chain.expected_chain_id() != identity.chain_id) {
        return fail(ErrorCode::config, "cannot settle", {},
                    fmt::format("settlement.db was made for chain {}, and the configuration names chain {}",
                                identity.chain_id, chain.expected_chain_id()));
    }
    if (Status checked = chain.check_chain(); !checked) return report_unreachable(checked.error());
    IOSWARM_TRY(const auto ledger, compare_with_ledger());
    if (ledger.reason != HaltReason::none) return store_halt(ledger);
    IOSWARM_TRY(const auto live, store.live_intent());
    if (live) {
        IOSWARM_DO(check_attempts(*live));
        log.info("settlement: going on with intent {} ({}, {})", live->id, to_string(live->kind),
                 to_string(live->state));
    }
    return next_step_now();
}

Result<SettlerStep> Settler::Impl::held(const Hold& hold) {
    IOSWARM_DO(store.set_hold(hold, now_ms()));
    const auto wait = std::min(settings.poll * 5, settings.longest_back_off);
    return SettlerStep{SettlerStep::State::held, wait, hold};
}

void Settler::Impl::log_hold(const Hold& hold) {
    if (hold.reason == logged_hold) return;
    logged_hold = hold.reason;
    log.warn("settlement: waits: {}", hold.detail);
}

Result<SettlerStep> Settler::Impl::waits_for(const Hold& hold) {
    log_hold(hold);
    IOSWARM_DO(store.set_hold(hold, now_ms()));
    return SettlerStep{SettlerStep::State::waiting, settings.poll, hold};
}

Result<SettlerStep> Settler::Impl::waiting() {
    IOSWARM_DO(progress());
    return SettlerStep{SettlerStep::State::waiting, settings.poll, {}};
}

Result<SettlerStep> Settler::Impl::waiting_for_blocks(std::uint64_t tip) {
    constexpr std::chrono::minutes kLongestWithoutBlock{5};
    if (tip > watch.highest_tip) {
        watch.highest_tip = tip;
        watch.tip_rose = clock.steady();
    }
    if (clock.steady() - watch.tip_rose < kLongestWithoutBlock) return waiting();
    return waits_for(
        {HoldReason::endpoint,
         fmt::format("no block above {} has come for {} minutes: the endpoint stands still, or the "
                     "chain does",
                     watch.highest_tip, kLongestWithoutBlock.count())});
}

Result<SettlerStep> Settler::Impl::store_halt(const Halt& halt) {
    IOSWARM_DO(store.set_halt(halt));
    failpoint("halted");
    return SettlerStep{SettlerStep::State::halted, settings.longest_back_off, {}};
}

Result<SettlerStep> Settler::Impl::report_unreachable(const Error& error) {
    const bool ends = error.code == ErrorCode::config || error.code == ErrorCode::cancelled ||
                      error.code == ErrorCode::data_loss;
    if (ends) return fail(error);
    const Hold hold{HoldReason::endpoint, error.text()};
    log_hold(hold);
    back_off = back_off.count() == 0 ? settings.poll : std::min(back_off * 2, settings.longest_back_off);
    IOSWARM_DO(store.set_hold(hold, now_ms()));
    return SettlerStep{SettlerStep::State::waiting, back_off, hold};
}

Status Settler::Impl::progress() {
    back_off = std::chrono::milliseconds{0};
    if (logged_hold != HoldReason::none) log.info("settlement: goes on");
    logged_hold = HoldReason::none;
    return store.set_hold({}, now_ms());
}

}  // namespace ioswarm::settlement
