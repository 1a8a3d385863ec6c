// SPDX-License-Identifier: Apache-2.0
// What the chain must say about the settlements of this file.
#include <algorithm>

#include <fmt/format.h>

#include "contracts/reward_pool.hpp"
#include "core/base/try.hpp"
#include "settlement/auditor.hpp"
#include "settlement/log_pages.hpp"

namespace ioswarm::settlement {
namespace {

constexpr std::uint64_t kBlocksUntilLate = 20;

}  // namespace

Status Auditor::check_chain() {
    if (chain_ == nullptr) {
        add(Severity::note, "I4", "the chain was not asked");
        return {};
    }
    IOSWARM_TRY(const auto nonce, chain_->confirmed_nonce(summary_.identity.wallet));
    const std::uint64_t least = summary_.identity.first_nonce + used_nonces_ + summary_.foreign_nonces;
    const bool one_under_way = summary_.live && summary_.live->nonce.has_value();
    if (nonce.nonce > least + (one_under_way ? 1 : 0)) {
        error("I4",
              fmt::format(
                  "the wallet has sent {} transactions, and {} by this file: another program uses its key",
                  nonce.nonce, least),
              HaltReason::foreign_transaction);
    } else if (nonce.nonce < least) {
        error("I4", fmt::format("the wallet has sent {} transactions, and {} are final by this file",
                                nonce.nonce, least));
    }
    RewardPool pool(*chain_, summary_.identity);
    const auto version = RewardPool::version_at(*chain_, summary_.identity.contract);
    if (!version && version.error().code != ErrorCode::failed_check) return fail(version.error());
    if (!version || !RewardPool::same_calls(*version, summary_.identity.pool)) {
        error("I1",
              fmt::format("{} is not the contract of version {} any more that the file was made for",
                          to_hex0x(summary_.identity.contract.view()), to_string(summary_.identity.pool)),
              HaltReason::pool_differs);
        return {};
    }
    IOSWARM_TRY(const auto coordinator, pool.coordinator());
    if (coordinator != summary_.identity.wallet) {
        error("I1", fmt::format("the contract's coordinator is {} now", to_hex0x(coordinator.view())),
              HaltReason::pool_differs);
    }
    return summary_.identity.pool == PoolVersion::v3 ? check_settled_id(pool) : check_deposits();
}

/// Version 3: checks that this file settled the newest id that the contract has settled. If not, somebody
/// settled with a copy of the file or by hand, and may have paid what this file still lists as owed. As long as
/// this file has paid nothing, the newest id may be older than the file.
Status Auditor::check_settled_id(RewardPool& pool) {
    if (!any_sent_) return {};
    IOSWARM_TRY(const auto facts, pool.facts());
    const std::uint64_t newest = facts.last_epoch;
    if (newest == 0 || settled_ids_.contains(newest)) return {};
    if (!settled_ids_.empty() && newest < *settled_ids_.begin() && summary_.paid_intents == 0 &&
        summary_.halt.reason != HaltReason::foreign_transaction)
        return {};
    error(
        "I1",
        fmt::format("the contract has settled id {}, and settlement.db has not: it was settled from a copy of "
                    "this data directory or by hand, and what is owed here may be paid already",
                    newest),
        HaltReason::foreign_transaction);
    return {};
}

/// Version 2: checks that this file signed every settlement of the contract since the block in which it signed
/// its first one. Any other settlement was made with a copy of the file or by hand. Settlements before that
/// block are not compared, because they may be older than the file.
Status Auditor::check_deposits() {
    const std::string contract = to_hex0x(summary_.identity.contract.view());
    if (!signed_from_block_) {
        add(Severity::note, "I1",
            "this file has signed nothing yet, so it was not checked whether others settled " + contract);
        return {};
    }
    IOSWARM_TRY(const auto tip, chain_->tip());
    add(Severity::note, "I1",
        fmt::format("settlements of {} up to block {} were not compared: this file had signed nothing before",
                    contract, *signed_from_block_));
    LogPages pages(summary_.identity.contract, contracts::settled_topic());
    for (std::uint64_t first = *signed_from_block_ + 1; first <= tip;) {
        const auto page = pages.forward(*chain_, first, tip);
        if (!page) {
            add(Severity::warning, "I1",
                fmt::format("it was not checked whether others settled {} from block {} on: {}", contract,
                            first, page.error().text()));
            return {};
        }
        for (const contracts::ChainLog& log : page->logs) {
            if (signed_.contains(log.transaction)) continue;
            error("I1",
                  fmt::format(
                      "the contract was settled in block {} by transaction {}, and settlement.db does not "
                      "know it: it was sent from a copy of this data directory or by hand, and what is owed "
                      "here may be paid already",
                      log.block, to_hex0x(log.transaction.view())),
                  HaltReason::foreign_transaction);
        }
        first = page->last_block + 1;
    }
    return {};
}

Status Auditor::check_receipt(const IntentRow& intent, const std::vector<AttemptRow>& attempts) {
    if (chain_ == nullptr) return {};
    if (!is_final(intent.state)) {
        if (attempts.empty()) return {};
        IOSWARM_TRY(const auto tip, chain_->tip());
        if (tip > attempts.front().from_block + kBlocksUntilLate) {
            add(Severity::warning, "I9",
                fmt::format("{} was signed at block {}, and is not final at block {} ({})",
                            audited_name(intent), attempts.front().from_block, tip, to_string(intent.state)));
        }
        return {};
    }
    if (!intent.hash) {
        if (intent.state != IntentState::cancelled)
            error("I6", audited_name(intent) + " is final without a transaction");
        return {};
    }
    const bool ours =
        std::ranges::any_of(attempts, [&](const AttemptRow& one) { return one.hash == *intent.hash; });
    // An intent from `settle init --rebuild` has no nonce of this file and no signed bytes.
    if (!ours && intent.nonce)
        error("I6", audited_name(intent) + " ended with a transaction that was not signed here",
              HaltReason::foreign_transaction);
    std::uint64_t scan_from = intent.block;
    IOSWARM_TRY(const auto receipt, chain_->find_receipt({&*intent.hash, 1}, &scan_from));
    ++report_.receipts;
    if (!receipt) {
        error("I1", fmt::format("{}: the chain does not show transaction {}", audited_name(intent),
                                to_hex0x(intent.hash->view())));
        return {};
    }
    compare_receipt(intent, *receipt);
    return {};
}

void Auditor::compare_receipt(const IntentRow& intent, const contracts::Receipt& receipt) {
    if (intent.nonce && receipt.gas_used != intent.gas_used) {
        // A final row stays as it is, so an error here would prevent every later resume. No payment is
        // concerned.
        add(Severity::warning, "I5",
            fmt::format(
                "{} used {} gas on the chain, and {} by this file: an endpoint showed a wrong figure, and "
                "the file's sum of gas is wrong by that much",
                audited_name(intent), receipt.gas_used, intent.gas_used));
    }
    const bool should_succeed = intent.state != IntentState::final_reverted;
    if (receipt.succeeded() != should_succeed) {
        error("I1", fmt::format("{} is {} here, and its status on the chain is {}", audited_name(intent),
                                to_string(intent.state), receipt.status));
        return;
    }
    if (intent.state != IntentState::final_ok) return;
    const auto outcome = RewardPool::outcome_of(receipt, summary_.identity, intent);
    if (!outcome) {
        error("I1", fmt::format("{}: {}", audited_name(intent), outcome.error().text()),
              HaltReason::wrong_amount);
    } else if (outcome->amount != intent.value_rau) {
        error("I1",
              fmt::format("{}: the contract got {} rau, and {} were sent", audited_name(intent),
                          to_decimal(outcome->amount), to_decimal(intent.value_rau)),
              HaltReason::wrong_amount);
    }
}

}  // namespace ioswarm::settlement
