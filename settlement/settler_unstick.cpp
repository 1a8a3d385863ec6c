// SPDX-License-Identifier: Apache-2.0
// The operator's orders for a transaction that is not mined.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "contracts/gas.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {
namespace {

constexpr const char* kCannotUnstick = "cannot free the nonce";
constexpr const char* kCannotResume = "cannot end the halt";

tl::unexpected<Error> nothing_to_unstick(std::string why) {
    return fail(ErrorCode::failed_precondition, kCannotUnstick, {}, std::move(why));
}

}  // namespace

/// The price must be above that of every attempt, so that nodes replace the attempts by the empty transaction.
Result<U256> Settler::Impl::noop_price(const std::vector<AttemptRow>& attempts, const U256& cap) {
    const auto wanted = price_now();
    if (!wanted) return fail(wanted.error());
    U256 price = *wanted;
    for (const AttemptRow& one : attempts)
        price = std::max(price, contracts::bumped_price(one.gas_price));
    return std::min(price, cap);
}

Status Settler::Impl::add_noop(const IntentRow& intent, const U256& price, std::uint64_t tip) {
    auto attempt = signer.sign(intent, AttemptKind::noop, price, tip);
    if (!attempt) return fail(std::move(attempt).error());
    attempt->signed_ms = now_ms();
    failpoint("cancel_signed");
    if (const auto stored = store.add_attempt(*attempt); !stored) return fail(stored.error());
    failpoint("cancel_stored");
    return {};
}

/// Handles an intent that must be replaced and whose empty transaction is not signed yet.
Result<SettlerStep> Settler::Impl::compete(const IntentRow& intent, const std::vector<AttemptRow>& attempts) {
    const auto tip = chain.tip();
    if (!tip) return away(tip.error());
    const auto price = noop_price(attempts, settings.limits.max_gas_price);
    if (!price) return away(price.error());
    if (Status added = add_noop(intent, *price, *tip); !added) return fail(std::move(added).error());
    return again();
}

Status Settler::Impl::unstick(Unstick how, const U256& cap) {
    const auto halt = store.halt();
    if (!halt) return fail(halt.error());
    if (halt->reason != HaltReason::none)
        return nothing_to_unstick("the settler is halted; run 'ioswarm settle resume' first");
    const auto live = store.live_intent();
    if (!live) return fail(live.error());
    if (!*live || !(*live)->nonce) return nothing_to_unstick("no transaction is under way");
    const IntentRow& intent = **live;
    if (Status checked = check_attempts(intent); !checked) return checked;
    if (Status checked = chain.check_chain(); !checked) return checked;
    const auto attempts = store.attempts(intent.id);
    if (!attempts) return fail(attempts.error());
    const auto tip = chain.tip();
    if (!tip) return fail(tip.error());
    if (how == Unstick::raise_price) {
        if (attempts->empty()) return nothing_to_unstick("nothing is signed yet");
        const auto raised = raise_price(intent, attempts->back(), *tip, cap);
        if (!raised) return fail(raised.error());
        if (!*raised) return nothing_to_unstick("its price is at the limit already");
        return {};
    }
    const auto price = noop_price(*attempts, cap);
    if (!price) return fail(price.error());
    if (Status noted = store.note_cancelling(intent.id); !noted) return noted;
    failpoint("cancel_noted");
    return add_noop(intent, *price, *tip);
}

Status Settler::Impl::resume() {
    const auto halt = store.halt();
    if (!halt) return fail(halt.error());
    if (halt->reason == HaltReason::none)
        return fail(ErrorCode::failed_precondition, kCannotResume, {}, "the settler is not halted");
    Halt ended;
    ended.at_ms = now_ms();
    if (halt->reason == HaltReason::foreign_transaction) {
        if (Status checked = chain.check_chain(); !checked) return checked;
        const auto free = give_up_nonces();
        if (!free) return fail(free.error());
        ended.free_nonce = *free;
    }
    if (Status stored = store.set_halt(ended); !stored) return stored;
    log.warn("settlement: an operator ended the halt ({})", to_string(halt->reason));
    return {};
}

Result<std::uint64_t> Settler::Impl::give_up_nonces() {
    const auto live = store.live_intent();
    if (!live) return fail(live.error());
    if (*live && (*live)->nonce) {
        if (Status given_up = give_up(**live); !given_up) return fail(std::move(given_up).error());
    }
    const auto confirmed = chain.confirmed_nonce(identity.wallet);
    if (!confirmed) return fail(confirmed.error());
    const auto next = store.next_nonce();
    if (!next) return fail(next.error());
    if (confirmed->nonce <= *next) return *next;
    const auto kept = store.live_intent();
    if (!kept) return fail(kept.error());
    // Comes first: an endpoint that is behind does not know yet what a foreign transaction paid.
    const auto all = evidence.all_confirm_above(confirmed->nonce - 1);
    if (!all) return fail(all.error());
    if (!*all) {
        return fail(ErrorCode::failed_precondition, kCannotResume, {},
                    "the endpoints disagree about the wallet's nonce, or one of them cannot be heard");
    }
    const bool is_own = *kept && (*kept)->nonce.has_value();
    if (Status alone = refuse_settled_elsewhere(kept->value_or(IntentRow{}), is_own); !alone)
        return fail(std::move(alone).error());
    return confirmed->nonce;
}

/// Ends an intent whose nonce a foreign transaction used. If the nonce is still free, or the intent itself used
/// it, nothing changes and the settler continues with the intent.
Status Settler::Impl::give_up(const IntentRow& intent) {
    const auto attempts = store.attempts(intent.id);
    if (!attempts) return fail(attempts.error());
    std::vector<Hash256> hashes;
    for (const AttemptRow& one : *attempts)
        hashes.push_back(one.hash);
    watch = {};
    evidence.begin(first_block_of(*attempts));
    const auto looked = evidence.look(hashes);
    if (!looked) return fail(looked.error());
    if (looked->receipt) return {};
    auto word = evidence.nonce_used(*intent.nonce, hashes);
    while (word && word->state == contracts::ChainEvidence::Nonce::reading)
        word = evidence.nonce_used(*intent.nonce, hashes);
    if (!word) return fail(std::move(word).error());
    if (word->state == contracts::ChainEvidence::Nonce::open ||
        word->state == contracts::ChainEvidence::Nonce::found)
        return {};
    if (word->state == contracts::ChainEvidence::Nonce::unsure) {
        return fail(ErrorCode::failed_precondition, kCannotResume, {},
                    "an endpoint cannot be heard: " + word->silent,
                    "every endpoint must say that the nonce was used by another transaction");
    }
    if (intent.kind == IntentKind::settle) {
        const auto state = pool.epoch_state(intent.pool_epoch);
        if (!state) return fail(state.error());
        const auto other =
            *state == contracts::EpochState::open ? Result<bool>(false) : settled_by_another(intent, *attempts);
        if (!other) return fail(other.error());
        if (*state != contracts::EpochState::open && !*other) {
            return fail(ErrorCode::failed_precondition, kCannotResume, {},
                        fmt::format("the contract has settled id {}, so that the payment may have been made",
                                    intent.pool_epoch),
                        "give an endpoint that shows the transaction");
        }
        if (*other) return settled_elsewhere(fmt::format("the contract has settled id {}", intent.pool_epoch));
    }
    if (Status alone = refuse_settled_elsewhere(intent, false); !alone) return alone;
    SettlementStore::End end;
    end.state = IntentState::cancelled;
    end.nonce_lost = true;
    end.reason = "another transaction of the wallet used its nonce";
    end.now_ms = now_ms();
    if (Status ended = store.finish(intent.id, end); !ended) return ended;
    failpoint("given_up");
    return {};
}

}  // namespace ioswarm::settlement
