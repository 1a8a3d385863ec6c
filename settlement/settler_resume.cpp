// SPDX-License-Identifier: Apache-2.0
// The end of a halt, by an operator's order.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {
namespace {

constexpr const char* kCannotResume = "cannot end the halt";

tl::unexpected<Error> stays_halted(std::string why, std::string hint = {}) {
    return fail(ErrorCode::failed_precondition, kCannotResume, {}, std::move(why), std::move(hint));
}

tl::unexpected<Error> endpoint_is_silent(const std::string& silent) {
    return stays_halted("an endpoint cannot be heard: " + silent,
                        "every endpoint must say that the nonce was used by another transaction");
}

}  // namespace

Status Settler::Impl::resume() {
    IOSWARM_TRY(const auto halt, store.halt());
    if (halt.reason == HaltReason::none) return stays_halted("the settler is not halted");
    IOSWARM_DO(check_cause_is_gone(halt.reason));
    Halt ended;
    ended.at_ms = now_ms();
    if (halt.reason == HaltReason::foreign_transaction) {
        IOSWARM_DO(chain.check_chain());
        IOSWARM_TRY(ended.free_nonce, give_up_nonces());
    }
    IOSWARM_DO(store.set_halt(ended));
    log.warn("settlement: an operator ended the halt ({})", to_string(halt.reason));
    return {};
}

/// Refuses when the next step would halt again, because the ledger or the contract still differs.
Status Settler::Impl::check_cause_is_gone(HaltReason reason) {
    if (reason == HaltReason::ledger_differs) {
        IOSWARM_TRY(Halt still, compare_with_ledger());
        if (still.reason == HaltReason::none) {
            PlanInput input;
            Draft draft;
            IOSWARM_DO(read_owed(input, draft));
            still = draft.halt;
        }
        if (still.reason != HaltReason::none) {
            return stays_halted(
                still.detail,
                "put the ledger back that belongs to settlement.db; if it is lost, move settlement.db "
                "away but keep it, and run 'ioswarm settle init --rebuild'");
        }
    }
    if (reason == HaltReason::pool_differs) {
        contract_checked = false;
        IOSWARM_TRY(const auto checked, check_contract());
        if (checked.halt.reason != HaltReason::none) {
            return stays_halted(
                checked.halt.detail,
                "a new contract needs its own settlement.db: when everything is paid, move the file "
                "away but keep it, and run 'ioswarm settle init'");
        }
    }
    return {};
}

Result<std::uint64_t> Settler::Impl::give_up_nonces() {
    IOSWARM_TRY(const auto live, store.live_intent());
    bool is_own = false;
    if (live && live->nonce) {
        IOSWARM_TRY(is_own, give_up(*live));
    }
    IOSWARM_TRY(const auto confirmed, evidence.highest_confirmed());
    if (!confirmed)
        return stays_halted("an endpoint cannot be heard, and every one must confirm the wallet's nonce");
    IOSWARM_TRY(const auto next, store.next_nonce());
    if (confirmed->nonce <= next) return next;
    IOSWARM_TRY(const auto kept, store.live_intent());
    // An endpoint that is behind does not know yet what a foreign transaction paid. So all must have seen it.
    IOSWARM_DO(check_buried(next, {}));
    IOSWARM_DO(refuse_settled_elsewhere(kept.value_or(IntentRow{}), is_own));
    return confirmed->nonce;
}

/// Refuses until no reorganisation that the settler must expect can remove the foreign transactions that used
/// the nonces from `first_nonce` on. If one did, they would be free again, and everything signed since would
/// wait for them. `own` are the settler's transactions for these nonces. Errors: try_again (not deep enough
/// yet), failed_precondition (an endpoint does not answer or disagrees).
Status Settler::Impl::check_buried(std::uint64_t first_nonce, const std::vector<Hash256>& own) {
    const std::uint64_t blocks = settings.blocks_until_final;
    IOSWARM_TRY(const auto found, evidence.buried(first_nonce, blocks, own));
    if (!found.silent.empty()) return endpoint_is_silent(found.silent);
    if (!found.is_deep) {
        return fail(
            ErrorCode::try_again, kCannotResume, {},
            fmt::format("the other transaction of the wallet is in block {}, and {} of {} blocks are on top of "
                        "it: a reorganisation could still remove it",
                        found.at.value_or(0), found.tip - found.at.value_or(0), blocks),
            "run it again in a minute");
    }
    IOSWARM_TRY(const bool all, evidence.all_confirm_above(first_nonce));
    if (!all) {
        return stays_halted("the endpoints disagree about the wallet's nonce, or one of them cannot be heard");
    }
    return {};
}

/// Ends an intent whose nonce a foreign transaction used. If the nonce is still free, or the intent itself used
/// it, nothing changes and the settler continues with the intent. Returns true when the intent itself used it.
Result<bool> Settler::Impl::give_up(const IntentRow& intent) {
    IOSWARM_TRY(const auto attempts, store.attempts(intent.id));
    std::vector<Hash256> hashes;
    for (const AttemptRow& one : attempts)
        hashes.push_back(one.hash);
    watch = {};
    evidence.begin(first_block_of(attempts));
    IOSWARM_TRY(const auto looked, evidence.look(hashes));
    if (looked.receipt) return is_settled_by_own(intent, attempts, *looked.receipt);
    auto word = evidence.nonce_used(*intent.nonce, hashes);
    while (word && word->state == contracts::ChainEvidence::Nonce::reading)
        word = evidence.nonce_used(*intent.nonce, hashes);
    if (!word) return fail(std::move(word).error());
    if (word->state == contracts::ChainEvidence::Nonce::open) return false;
    if (word->state == contracts::ChainEvidence::Nonce::found)
        return is_settled_by_own(intent, attempts, *word->receipt);
    if (word->state == contracts::ChainEvidence::Nonce::unsure) return endpoint_is_silent(word->silent);
    if (intent.kind == IntentKind::settle) {
        IOSWARM_TRY(const auto state, pool.epoch_state(intent.pool_epoch));
        if (state != contracts::EpochState::open) {
            IOSWARM_TRY(const bool other, settled_by_another(intent, attempts));
            if (other)
                return settled_elsewhere(fmt::format("the contract has settled id {}", intent.pool_epoch));
            return stays_halted(
                fmt::format("the contract has settled id {}, so that the payment may have been made",
                            intent.pool_epoch),
                "give an endpoint that shows the transaction");
        }
    }
    IOSWARM_DO(refuse_settled_elsewhere(intent, false));
    IOSWARM_DO(check_buried(*intent.nonce, hashes));
    SettlementStore::End end;
    end.state = IntentState::cancelled;
    end.nonce_lost = true;
    end.reason = "another transaction of the wallet used its nonce";
    end.now_ms = now_ms();
    IOSWARM_DO(store.finish(intent.id, end));
    failpoint("given_up");
    return false;
}

/// The intent's own transaction was mined. Refuses when the contract's id was settled by another one, since
/// what that one paid is not in this file. Returns true.
Result<bool> Settler::Impl::is_settled_by_own(const IntentRow& intent, const std::vector<AttemptRow>& attempts,
                                              const contracts::Receipt& receipt) {
    const auto attempt = std::ranges::find(attempts, receipt.transaction, &AttemptRow::hash);
    if (attempt == attempts.end()) return false;
    IOSWARM_TRY(const bool agrees, pool_agrees(intent, *attempt, receipt));
    if (agrees) return true;
    IOSWARM_TRY(const bool other, settled_by_another(intent, attempts));
    if (other) return settled_elsewhere(fmt::format("the contract has settled id {}", intent.pool_epoch));
    return true;
}

}  // namespace ioswarm::settlement
