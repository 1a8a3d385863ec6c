// SPDX-License-Identifier: Apache-2.0
// The operator's orders for a transaction that is not mined.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "contracts/gas.hpp"
#include "core/base/try.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {
namespace {

constexpr const char* kCannotUnstick = "cannot free the nonce";

tl::unexpected<Error> nothing_to_unstick(std::string why) {
    return fail(ErrorCode::failed_precondition, kCannotUnstick, {}, std::move(why));
}

}  // namespace

/// The price must be above that of every attempt, so that nodes replace the attempts by the empty transaction.
Result<U256> Settler::Impl::noop_price(const std::vector<AttemptRow>& attempts, const U256& cap) {
    IOSWARM_TRY(const auto wanted, price_now());
    U256 price = wanted;
    for (const AttemptRow& one : attempts)
        price = std::max(price, contracts::bumped_price(one.gas_price));
    return std::min(price, cap);
}

Status Settler::Impl::add_noop(const IntentRow& intent, const U256& price, std::uint64_t tip) {
    IOSWARM_TRY(auto attempt, signer.sign(intent, AttemptKind::noop, price, tip));
    attempt.signed_ms = now_ms();
    failpoint("cancel_signed");
    IOSWARM_DO(store.add_attempt(attempt));
    failpoint("cancel_stored");
    return {};
}

/// Handles an intent that must be replaced and whose empty transaction is not signed yet.
Result<SettlerStep> Settler::Impl::compete(const IntentRow& intent, const std::vector<AttemptRow>& attempts) {
    const auto tip = chain.tip();
    if (!tip) return report_unreachable(tip.error());
    const auto price = noop_price(attempts, settings.limits.max_gas_price);
    if (!price) return report_unreachable(price.error());
    IOSWARM_DO(add_noop(intent, *price, *tip));
    return next_step_now();
}

Status Settler::Impl::unstick(Unstick how, const U256& cap) {
    IOSWARM_TRY(const auto halt, store.halt());
    if (halt.reason != HaltReason::none)
        return nothing_to_unstick("the settler is halted; run 'ioswarm settle resume' first");
    IOSWARM_TRY(const auto live, store.live_intent());
    if (!live || !live->nonce) return nothing_to_unstick("no transaction is under way");
    const IntentRow& intent = *live;
    IOSWARM_DO(check_attempts(intent));
    IOSWARM_DO(chain.check_chain());
    IOSWARM_TRY(const auto attempts, store.attempts(intent.id));
    IOSWARM_TRY(const auto tip, chain.tip());
    if (how == Unstick::raise_price) {
        if (attempts.empty()) return nothing_to_unstick("nothing is signed yet");
        IOSWARM_TRY(const auto raised, raise_price(intent, attempts.back(), tip, cap));
        if (!raised) return nothing_to_unstick("its price is at the limit already");
        return {};
    }
    IOSWARM_TRY(const auto price, noop_price(attempts, cap));
    IOSWARM_DO(store.note_cancelling(intent.id));
    failpoint("cancel_noted");
    return add_noop(intent, price, tip);
}

}  // namespace ioswarm::settlement
