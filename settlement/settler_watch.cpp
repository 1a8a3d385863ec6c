// SPDX-License-Identifier: Apache-2.0
// Follows an intent's transactions until its outcome is final. An intent is one planned payment. An attempt is
// one signed transaction for it; all attempts of an intent have the same nonce, so at most one of them can be
// mined. Each step searches the endpoints for a receipt of one of them (check_transaction()). If there is one,
// it waits until the receipt is final (handle_receipt()). If there is none, it sends again, waits, or finds
// that somebody else used the nonce (handle_missing()). When endpoints disagree, the settler waits; when others
// use the wallet, it halts.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {
namespace {

const AttemptRow* attempt_with(const std::vector<AttemptRow>& attempts, const Hash256& hash) {
    const auto found =
        std::find_if(attempts.begin(), attempts.end(), [&](const AttemptRow& one) { return one.hash == hash; });
    return found == attempts.end() ? nullptr : &*found;
}

/// One line that says how an intent ended.
void log_end(const Log& log, const IntentRow& intent, const SettlementStore::End& end) {
    const std::string epochs = epoch_range(intent.first_epoch, intent.last_epoch);
    const std::string where =
        fmt::format("block {}, transaction {}", end.block, end.hash ? to_hex0x(end.hash->view()) : "unknown");
    if (end.state == IntentState::final_reverted) {
        log.error("settlement: the transaction for {} failed on chain: {} ({}); its payouts stay owed", epochs,
                  end.reason, where);
    } else if (end.state == IntentState::cancelled) {
        log.info("settlement: the transaction for {} was cancelled: {} ({}); its payouts stay owed", epochs,
                 end.reason, where);
    } else if (intent.kind == IntentKind::weights) {
        log.info("settlement: the contract has the weights for {} ({})", epochs, where);
    } else {
        log.info("settlement: paid {} IOTX for {}, final ({})", rau_to_iotx(intent.value_rau), epochs, where);
    }
}

}  // namespace

std::uint64_t Settler::Impl::first_block_of(const std::vector<AttemptRow>& attempts) {
    // A reorganisation may put a transaction into a block below the tip at which it was signed. Deeper ones
    // than this are not expected; the number is our own choice.
    constexpr std::uint64_t kBlocksBefore = 64;
    if (attempts.empty()) return 1;
    std::uint64_t from = attempts.front().from_block;
    for (const AttemptRow& one : attempts)
        from = std::min(from, one.from_block);
    return from > kBlocksBefore ? from - kBlocksBefore : 1;
}

void Settler::Impl::watch_intent(const IntentRow& intent, const std::vector<AttemptRow>& attempts) {
    if (watch.intent == intent.id) return;
    watch = {};
    watch.intent = intent.id;
    evidence.begin(first_block_of(attempts));
}

Result<SettlerStep> Settler::Impl::check_transaction(const IntentRow& intent) {
    IOSWARM_TRY(const auto attempts, store.attempts(intent.id));
    const bool has_noop = std::any_of(attempts.begin(), attempts.end(),
                                      [](const AttemptRow& one) { return one.kind == AttemptKind::noop; });
    if (intent.state == IntentState::cancelling && !has_noop) return compete(intent, attempts);
    if (attempts.empty())
        return fail(ErrorCode::data_loss, "cannot settle", fmt::format("intent {}", intent.id),
                    "its signed bytes are missing");
    watch_intent(intent, attempts);
    std::vector<Hash256> hashes;
    for (auto one = attempts.rbegin(); one != attempts.rend(); ++one)
        hashes.push_back(one->hash);
    const auto search = evidence.look(hashes);
    if (!search) return report_unreachable(search.error());
    if (search->receipt) return handle_receipt(intent, attempts, *search->receipt, search->endpoint);
    if (search->more) return wait_for_block_search(intent);
    if (intent.hash && search->complete) {
        IOSWARM_DO(store.note_unmined(intent.id));
        failpoint("unmined_noted");
        log.warn(
            "settlement: the receipt of the transaction with nonce {} vanished; the transaction is sent again",
            intent.nonce.value_or(0));
        watch = {};
        return next_step_now();
    }
    return handle_missing(intent, attempts, hashes);
}

Result<SettlerStep> Settler::Impl::wait_for_block_search(const IntentRow& intent) {
    const Hold hold{HoldReason::endpoint, fmt::format("blocks are searched for the transaction with nonce {}",
                                                      intent.nonce.value_or(0))};
    IOSWARM_DO(store.set_hold(hold, now_ms()));
    return next_step_now();
}

/// Called when no endpoint shows a receipt. The intent has a nonce: it was assigned before the first attempt
/// was signed.
Result<SettlerStep> Settler::Impl::handle_missing(const IntentRow& intent,
                                                  const std::vector<AttemptRow>& attempts,
                                                  const std::vector<Hash256>& hashes) {
    const auto nonce = evidence.nonce_used(*intent.nonce, hashes);
    if (!nonce) return report_unreachable(nonce.error());
    switch (nonce->state) {
        case contracts::ChainEvidence::Nonce::found:
            return handle_receipt(intent, attempts, *nonce->receipt, nonce->endpoint);
        case contracts::ChainEvidence::Nonce::reading:
            return wait_for_block_search(intent);
        case contracts::ChainEvidence::Nonce::unsure:
            return report_unreachable(
                {ErrorCode::unavailable, "the outcome of a transaction is unknown", {}, nonce->silent, {}});
        case contracts::ChainEvidence::Nonce::open: {
            watch.used_since.reset();
            if (nonce->confirmed >= *intent.nonce) return send_again(intent, attempts);
            // A transaction is mined only after all lower nonces. While lower nonces are unused, a higher price
            // is useless.
            const auto hold = nonces_went_back({nonce->confirmed, nonce->height}, *intent.nonce);
            if (!hold) return report_unreachable(hold.error());
            return hold->reason == HoldReason::none ? send_again(intent, attempts) : waits_for(*hold);
        }
        case contracts::ChainEvidence::Nonce::used:
            break;
    }
    if (!watch.used_since) watch.used_since = nonce->height;
    if (nonce->height < *watch.used_since + settings.blocks_until_final) {
        return waits_for(
            {HoldReason::endpoint,
             fmt::format("nonce {} is used, and none of the transactions that were signed for it was "
                         "found; searching up to block {}",
                         *intent.nonce, *watch.used_since + settings.blocks_until_final)});
    }
    return used_by_others(intent, attempts, nonce->height);
}

/// Called when every endpoint says that the nonce is used and no block has a transaction of the intent.
Result<SettlerStep> Settler::Impl::used_by_others(const IntentRow& intent,
                                                  const std::vector<AttemptRow>& attempts,
                                                  std::uint64_t height) {
    if (intent.kind == IntentKind::settle) {
        const auto state = pool.epoch_state(intent.pool_epoch);
        if (!state) return report_unreachable(state.error());
        const auto other =
            *state == contracts::EpochState::open ? Result<bool>(false) : settled_by_another(intent, attempts);
        if (!other) return report_unreachable(other.error());
        // If no event shows another payer, our own transaction may have settled the id, and the endpoints just
        // do not show its receipt.
        if (*state != contracts::EpochState::open && !*other) {
            return waits_for(
                {HoldReason::endpoint,
                 fmt::format("the contract has settled id {}, and no endpoint shows the transaction",
                             intent.pool_epoch)});
        }
    }
    return store_halt(
        {HaltReason::foreign_transaction,
         fmt::format("nonce {} of wallet {} was used by a transaction that is not in settlement.db (seen "
                     "at block {}): somebody else uses this key",
                     *intent.nonce, to_hex0x(identity.wallet.view()), height),
         now_ms()});
}

Result<SettlerStep> Settler::Impl::handle_receipt(const IntentRow& intent,
                                                  const std::vector<AttemptRow>& attempts,
                                                  const contracts::Receipt& receipt,
                                                  const std::string& endpoint) {
    watch.used_since.reset();
    const AttemptRow* const attempt = attempt_with(attempts, receipt.transaction);
    if (attempt == nullptr)
        return fail(ErrorCode::internal, "cannot settle", {}, "a receipt of another transaction was taken");
    const bool fits = receipt.gas_used <= attempt->gas_limit &&
                      (receipt.gas_price == 0 || receipt.gas_price == attempt->gas_price);
    if (!fits) {
        return waits_for(
            {HoldReason::endpoint,
             fmt::format("{} shows a receipt whose gas or price differs from the signed transaction",
                         endpoint)});
    }
    IOSWARM_DO(record_observation(intent, receipt, endpoint));
    const auto waits = wait_until_final(intent, attempts, *attempt, receipt);
    if (!waits) return fail(waits.error());
    if (*waits) return **waits;
    const auto agrees = pool_agrees(intent, *attempt, receipt);
    if (!agrees) return report_unreachable(agrees.error());
    return *agrees ? finish(intent, *attempt, receipt, endpoint) : contract_contradicts(intent, attempts);
}

Status Settler::Impl::record_observation(const IntentRow& intent, const contracts::Receipt& receipt,
                                         const std::string& endpoint) {
    IOSWARM_TRY(const auto known, store.observations(intent.id));
    const bool is_new = std::none_of(known.begin(), known.end(), [&](const ObservationRow& one) {
        return one.endpoint == endpoint && one.transaction == receipt.transaction &&
               one.block_hash == receipt.block_hash && one.status == receipt.status;
    });
    if (is_new) {
        failpoint("receipt_seen");
        const ObservationRow row{intent.id,     endpoint,           receipt.transaction,
                                 receipt.block, receipt.block_hash, receipt.status,
                                 now_ms()};
        IOSWARM_DO(store.note_mined(row));
        failpoint("mined_noted");
    }
    return {};
}

/// Returns the step to take while the receipt is not final; nothing if it is final.
Result<std::optional<SettlerStep>> Settler::Impl::wait_until_final(const IntentRow& intent,
                                                                   const std::vector<AttemptRow>& attempts,
                                                                   const AttemptRow& attempt,
                                                                   const contracts::Receipt& receipt) {
    // If the outcome makes the payouts payable again, always wait for blocks_until_final blocks on top.
    const bool releases = !receipt.succeeded() || attempt.kind == AttemptKind::noop;
    const auto judged = evidence.judge(receipt, *intent.nonce, settings.blocks_until_final, releases);
    if (!judged) return report_unreachable(judged.error());
    if (judged->finality == contracts::ChainEvidence::Finality::disputed) {
        // It may not be mined at all, so it is sent again as if there were no receipt.
        auto sent = send_again(intent, attempts);
        if (!sent || sent->state != SettlerStep::State::waiting) return sent;
        return waits_for({HoldReason::endpoint, judged->why});
    }
    if (judged->finality == contracts::ChainEvidence::Finality::waits) {
        // More blocks will not help if there are enough already: an endpoint contradicts the others. Report it
        // to the operator.
        const bool is_deep = judged->depth >= settings.blocks_until_final;
        const bool shows_why = !judged->why.empty() && (is_deep || judged->agreeing == 0);
        if (!shows_why) return waiting_for_blocks(receipt.block + judged->depth);
        return waits_for({HoldReason::endpoint, judged->why});
    }
    return std::nullopt;
}

/// Called when a receipt is final and the contract's state says otherwise.
Result<SettlerStep> Settler::Impl::contract_contradicts(const IntentRow& intent,
                                                        const std::vector<AttemptRow>& attempts) {
    // The settlement may have been made by a later transaction, of which this file knows nothing.
    const auto other = settled_by_another(intent, attempts);
    if (!other) return report_unreachable(other.error());
    if (*other) {
        return store_halt({HaltReason::foreign_transaction,
                           fmt::format("the contract has settled id {} by a transaction that is not in "
                                       "settlement.db: settlement.db was replaced by an older copy, or "
                                       "somebody else uses this key",
                                       intent.pool_epoch),
                           now_ms()});
    }
    return waits_for(
        {HoldReason::endpoint,
         fmt::format("the receipt of intent {} and the contract's epochState({}) contradict each other",
                     intent.id, intent.pool_epoch)});
}

Result<bool> Settler::Impl::pool_agrees(const IntentRow& intent, const AttemptRow& attempt,
                                        const contracts::Receipt& receipt) {
    if (intent.kind != IntentKind::settle) return true;
    IOSWARM_TRY(const auto state, pool.epoch_state(intent.pool_epoch));
    if (state == contracts::EpochState::too_old)
        return true;  // the contract no longer knows; trust the receipt
    const bool pays = attempt.kind == AttemptKind::pay && receipt.succeeded();
    return (state == contracts::EpochState::settled) == pays;
}

Result<SettlerStep> Settler::Impl::finish(const IntentRow& intent, const AttemptRow& attempt,
                                          const contracts::Receipt& receipt, const std::string& endpoint) {
    SettlementStore::End end;
    end.hash = receipt.transaction;
    end.block = receipt.block;
    end.gas_used = receipt.gas_used;
    end.gas_price = attempt.gas_price;
    end.now_ms = now_ms();
    Halt halt;
    if (attempt.kind == AttemptKind::noop) {
        end.state = IntentState::cancelled;
        end.reason = "replaced by an empty transaction";
    } else if (!receipt.succeeded()) {
        end.state = IntentState::final_reverted;
        end.reason = receipt.gas_used >= attempt.gas_limit
                         ? "out of gas"
                         : fmt::format("the contract refused it (status {})", receipt.status);
    } else if (intent.kind != IntentKind::weights) {
        auto outcome = RewardPool::outcome_of(receipt, identity, intent);
        if (!outcome) {
            return waits_for(
                {HoldReason::endpoint, fmt::format("{} shows a receipt of {} that cannot be used: {}", endpoint,
                                                   outcome.error().which, outcome.error().why)});
        }
        for (const auto& [wallet, amount] : outcome->claim_failed)
            end.push_failed.insert(wallet);
        if (outcome->amount != intent.value_rau) {
            halt = {HaltReason::wrong_amount,
                    fmt::format("intent {} sent {} rau, and the contract's event says {} rau", intent.id,
                                to_decimal(intent.value_rau), to_decimal(outcome->amount)),
                    end.now_ms};
        }
    }
    failpoint("finality_checked");
    // Store the halt first: after a crash in between, the intent's end is found again, but a halt would be
    // lost.
    if (halt.reason != HaltReason::none) {
        IOSWARM_DO(store_halt(halt));
    }
    IOSWARM_DO(store.finish(intent.id, end));
    failpoint("finished");
    log_end(log, intent, end);
    for (const Address& wallet : end.push_failed) {
        log.warn(
            "settlement: wallet {} refused its payment. The contract keeps the money; the wallet must claim "
            "it. "
            "Later payouts are credited, not sent",
            to_hex0x(wallet.view()));
    }
    watch = {};
    IOSWARM_DO(progress());
    if (halt.reason != HaltReason::none)
        return SettlerStep{SettlerStep::State::halted, settings.longest_back_off, {}};
    return next_step_now();
}

}  // namespace ioswarm::settlement
