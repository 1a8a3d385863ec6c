// SPDX-License-Identifier: Apache-2.0
// The invariants that the two files must keep, and the report. What the chain must say is in audit_chain.cpp.
#include "settlement/audit.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/secp256k1.hpp"
#include "settlement/auditor.hpp"

namespace ioswarm::settlement {
namespace {

constexpr std::size_t kIntentsPerPage = 200;
constexpr std::int64_t kMsPerDay = 86'400'000;

}  // namespace

// The invariants, by the names that the findings use:
//   I1  The payments on the chain match what is owed, and each payout is paid once.
//   I2  Every intent that was sent has one nonce, and every nonce has one intent. All transactions that were
//       signed for an intent differ only in price.
//   I3  No payout is missing: each one is covered, owed, or older than what the ledger keeps. The ledger has
//       the amounts that were paid, and every closed epoch is what it was when it closed.
//   I4  The wallet's nonce on the chain is the first nonce plus the number of used nonces.
//   I5  The sums that the file keeps are those of its settlements. A warning: the gas on the chain is another.
//   I6  Each transaction on the chain with a nonce of this file was signed by this program.
//   I7  No price, value or daily sum exceeds its limit.
//   I8  Agents' answers count once (checked by `ioswarm ledger check`).
//   I9  Every transaction that was sent becomes final.
//   I10 Nothing was signed after a halt.

Result<AuditReport> Auditor::run() {
    IOSWARM_TRY(summary_, view_.summary());
    IOSWARM_DO(read_payouts());
    IOSWARM_DO(check_intents());
    check_nonces();
    check_sums();
    check_days();
    IOSWARM_DO(check_ledger());
    IOSWARM_DO(check_chain());
    add(Severity::note, "I8", "whether answers were counted once is checked by 'ioswarm ledger check'");
    return std::move(report_);
}

Status Auditor::read_payouts() {
    const auto all = view_.payouts(0, ~std::uint64_t{0});
    if (!all) return fail(all.error());
    for (const PayoutState& state : *all) {
        const CoveredPayout& payout = state.payout;
        if (!covered_.emplace(payout.epoch, payout.agent_id).second)
            error("I1", fmt::format("epoch {}, agent {} is covered twice", payout.epoch, payout.agent_id));
        if (payout.epoch < summary_.identity.first_epoch) {
            error("I3", fmt::format("epoch {}, agent {} is covered, and the file begins at epoch {}",
                                    payout.epoch, payout.agent_id, summary_.identity.first_epoch));
        }
        payouts_[state.intent].push_back(payout);
    }
    report_.payouts = covered_.size();
    return {};
}

Status Auditor::check_intents() {
    std::uint64_t next = 0;
    for (;;) {
        IOSWARM_TRY(const auto page, view_.intents(next, kIntentsPerPage));
        for (const IntentRow& intent : page) {
            IOSWARM_DO(check_intent(intent));
            next = intent.id + 1;
        }
        report_.intents += page.size();
        if (page.size() < kIntentsPerPage) return {};
    }
}

Status Auditor::check_intent(const IntentRow& intent) {
    IOSWARM_TRY(const auto attempts, view_.attempts(intent.id));
    if (intent.to != summary_.identity.contract)
        error("I1", audited_name(intent) + " pays another contract than the file was made for");
    check_payouts(intent);
    if (intent.nonce && !nonces_.emplace(*intent.nonce, intent.id).second)
        error("I2",
              fmt::format("{} has nonce {}, and so has another one", audited_name(intent), *intent.nonce));
    if (intent.nonce && is_final(intent.state)) ++used_nonces_;
    const bool may_hold = intent.state != IntentState::final_reverted && intent.state != IntentState::cancelled;
    if (intent.kind == IntentKind::settle && may_hold) settled_ids_.insert(intent.pool_epoch);
    any_sent_ = any_sent_ || !attempts.empty();
    for (const AttemptRow& attempt : attempts) {
        signed_.insert(attempt.hash);
        signed_from_block_ = std::min(signed_from_block_.value_or(attempt.from_block), attempt.from_block);
    }
    check_attempts(intent, attempts);
    count_spend(intent, attempts);
    return check_receipt(intent, attempts);
}

void Auditor::check_payouts(const IntentRow& intent) {
    const bool holds = intent.state != IntentState::final_reverted && intent.state != IntentState::cancelled;
    if (!holds || intent.kind == IntentKind::weights) return;
    const std::vector<CoveredPayout>& payouts = payouts_[intent.id];
    U256 sum = 0;
    for (const CoveredPayout& payout : payouts)
        sum += payout.amount_rau;
    if (sum != intent.value_rau) {
        error("I1", fmt::format("{} carries {} rau, and its payouts are {} rau", audited_name(intent),
                                to_decimal(intent.value_rau), to_decimal(sum)));
    }
    if (payouts_hash(payouts) != intent.payouts_hash)
        error("I1", audited_name(intent) + ": the payouts are not those that it was planned for");
}

void Auditor::check_attempts(const IntentRow& intent, const std::vector<AttemptRow>& attempts) {
    if (attempts.empty()) return;
    if (!intent.nonce) {
        error("I2", audited_name(intent) + " was signed without a nonce");
        return;
    }
    for (const AttemptRow& attempt : attempts) {
        check_attempt(intent, attempt);
        if (summary_.halt.reason != HaltReason::none && attempt.signed_ms > summary_.halt.at_ms)
            error("I10", fmt::format("{} was signed after the halt ({})", audited_name(intent),
                                     to_string(summary_.halt.reason)));
        if (attempt.gas_price > limits_.max_gas_price) {
            add(Severity::warning, "I7",
                fmt::format("{} was signed at {} rau per gas, and the cap is {} now", audited_name(intent),
                            to_decimal(attempt.gas_price), to_decimal(limits_.max_gas_price)));
        }
    }
}

/// Checks that the signed bytes match the rows.
void Auditor::check_attempt(const IntentRow& intent, const AttemptRow& attempt) {
    const std::string name = fmt::format("{}, attempt {}", audited_name(intent), attempt.number);
    const auto decoded = decode_signed(attempt.raw);
    if (!decoded || keccak256(attempt.raw) != attempt.hash) {
        error("I2", name + ": the signed bytes are damaged");
        return;
    }
    const EthTx& tx = decoded->tx;
    const bool pays = attempt.kind == AttemptKind::pay;
    const bool same = tx.chain_id == summary_.identity.chain_id && tx.nonce == *intent.nonce &&
                      tx.gas_price == attempt.gas_price && tx.gas_limit == attempt.gas_limit &&
                      tx.to == (pays ? intent.to : summary_.identity.wallet) &&
                      tx.value == (pays ? intent.value_rau : U256(0)) &&
                      tx.data == (pays ? intent.data : Bytes{});
    if (!same) error("I2", name + ": the signed transaction is not the intent's");
    const auto signer = recover(signing_hash(tx), decoded->signature);
    if (!signer || address_of(*signer) != summary_.identity.wallet)
        error("I2", name + ": another key signed it");
}

void Auditor::count_spend(const IntentRow& intent, const std::vector<AttemptRow>& attempts) {
    const bool paid = intent.state == IntentState::final_ok;
    const U256 value = paid ? intent.value_rau : U256(0);
    const U256 gas = U256(intent.gas_used) * intent.gas_price;
    paid_rau_ += value;
    gas_rau_ += gas;
    if (!attempts.empty() && is_final(intent.state))
        days_[attempts.front().signed_ms / kMsPerDay] += value + gas;
}

void Auditor::check_nonces() {
    std::uint64_t next = summary_.identity.first_nonce;
    std::uint64_t lost = summary_.foreign_nonces;
    for (const auto& [nonce, intent] : nonces_) {
        // There may be gaps: nonces that other transactions used and that an operator gave up.
        if (nonce > next && nonce - next <= lost) {
            lost -= nonce - next;
            next = nonce;
        }
        if (nonce != next) {
            error("I2", fmt::format("intent {} has nonce {}, and {} is the next one", intent, nonce, next));
            return;
        }
        ++next;
    }
}

void Auditor::check_sums() {
    if (paid_rau_ != summary_.paid_rau) {
        error("I5", fmt::format("the file says that {} rau were paid, and its settlements add up to {} rau",
                                to_decimal(summary_.paid_rau), to_decimal(paid_rau_)));
    }
    if (gas_rau_ != summary_.gas_rau) {
        error("I5", fmt::format("the file says that gas cost {} rau, and its settlements add up to {} rau",
                                to_decimal(summary_.gas_rau), to_decimal(gas_rau_)));
    }
}

void Auditor::check_days() {
    if (limits_.max_per_day_rau == 0) return;
    for (const auto& [day, spent] : days_) {
        if (spent <= limits_.max_per_day_rau) continue;
        add(Severity::warning, "I7",
            fmt::format("day {} since 1970 (UTC) cost {} IOTX, and settlement.maxPerDayIOTX is {} now", day,
                        rau_to_iotx(spent), rau_to_iotx(limits_.max_per_day_rau)));
    }
}

Status Auditor::check_ledger() {
    IOSWARM_TRY(const auto facts, ledger_.read(summary_.identity.first_epoch));
    if (!facts.altered.empty()) error("I3", altered_ledger_text(facts.altered), HaltReason::ledger_differs);
    for (const OwedPayout& payout : facts.waiting) {
        if (!covered_.contains({payout.epoch, payout.agent_id})) ++report_.owed;
    }
    return check_amounts();
}

/// Checks that the ledger has every covered payout with its amount. Payouts older than the ledger keeps were
/// paid and dropped from it.
Status Auditor::check_amounts() {
    IOSWARM_TRY(const auto oldest, ledger_.oldest_epoch());
    std::uint64_t dropped = 0;
    std::vector<std::pair<std::uint64_t, std::string>> keys;
    std::vector<const CoveredPayout*> wanted;
    for (const auto& [intent, payouts] : payouts_) {
        for (const CoveredPayout& payout : payouts) {
            if (payout.epoch < oldest) {
                ++dropped;
                continue;
            }
            keys.emplace_back(payout.epoch, payout.agent_id);
            wanted.push_back(&payout);
        }
    }
    IOSWARM_TRY(const auto amounts, ledger_.amounts(keys));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const std::string name = fmt::format("epoch {}, agent {}", wanted[i]->epoch, wanted[i]->agent_id);
        const std::optional<U256>& amount = amounts[i];
        if (!amount) {
            error(
                "I3",
                name +
                    ": the ledger lacks this payout, which is paid or under way: it is an old copy, or another "
                    "one's",
                HaltReason::ledger_differs);
        } else if (*amount != wanted[i]->amount_rau) {
            error("I3",
                  fmt::format("{}: the ledger says {} rau, and {} rau are paid or under way", name,
                              to_decimal(*amount), to_decimal(wanted[i]->amount_rau)),
                  HaltReason::ledger_differs);
        }
    }
    if (dropped != 0) {
        add(Severity::note, "I3",
            fmt::format("{} payouts are older than epoch {}, the oldest that the ledger keeps", dropped,
                        oldest));
    }
    return {};
}

const char* to_string(AuditFinding::Severity value) noexcept {
    switch (value) {
        case AuditFinding::Severity::note:
            return "note";
        case AuditFinding::Severity::warning:
            return "warning";
        case AuditFinding::Severity::error:
            return "error";
    }
    return "unknown";
}

bool AuditReport::holds() const noexcept {
    return std::ranges::none_of(
        findings, [](const AuditFinding& one) { return one.severity == AuditFinding::Severity::error; });
}

Halt AuditReport::halt() const {
    Halt out;
    for (const AuditFinding& one : findings) {
        if (one.halt == HaltReason::none || out.reason != HaltReason::none) continue;
        out.reason = one.halt;
        out.detail = one.invariant + ": " + one.text;
    }
    return out;
}

Result<AuditReport> audit(SettlementView& view, PayoutSource& ledger, contracts::ChainClient* chain,
                          const SettlementLimits& limits) {
    return Auditor(view, ledger, chain, limits).run();
}

}  // namespace ioswarm::settlement
