// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "settlement/audit.hpp"
#include "settlement/pool.hpp"

namespace ioswarm::settlement {

/// How findings name an intent.
inline std::string audited_name(const IntentRow& intent) {
    return fmt::format("intent {}", intent.id);
}

/// Checks all invariants. One run per object; for use by one thread.
class Auditor {
  public:
    Auditor(SettlementView& view, PayoutSource& ledger, contracts::ChainClient* chain,
            const SettlementLimits& limits)
        : view_(view), ledger_(ledger), chain_(chain), limits_(limits) {}

    [[nodiscard]] Result<AuditReport> run();

  private:
    using Severity = AuditFinding::Severity;

    void add(Severity severity, std::string invariant, std::string text, HaltReason halt = HaltReason::none) {
        if (severity == Severity::error && halt == HaltReason::none) halt = HaltReason::audit_failed;
        report_.findings.push_back({severity, std::move(invariant), halt, std::move(text)});
    }
    void error(std::string invariant, std::string text, HaltReason halt = HaltReason::none) {
        add(Severity::error, std::move(invariant), std::move(text), halt);
    }

    // The files, in audit.cpp:
    Status read_payouts();
    Status check_intents();
    Status check_intent(const IntentRow& intent);
    void check_payouts(const IntentRow& intent);
    void check_attempts(const IntentRow& intent, const std::vector<AttemptRow>& attempts);
    void check_attempt(const IntentRow& intent, const AttemptRow& attempt);
    void count_spend(const IntentRow& intent, const std::vector<AttemptRow>& attempts);
    void check_nonces();
    void check_sums();
    void check_days();
    Status check_ledger();
    Status check_amounts();
    // The chain, in audit_chain.cpp:
    Status check_chain();
    Status check_settled_id(RewardPool& pool);
    Status check_deposits();
    Status check_receipt(const IntentRow& intent, const std::vector<AttemptRow>& attempts);
    void compare_receipt(const IntentRow& intent, const contracts::Receipt& receipt);

    SettlementView& view_;
    PayoutSource& ledger_;
    contracts::ChainClient* chain_;
    const SettlementLimits& limits_;
    SettlementSummary summary_;
    AuditReport report_;
    // By intent, except intents that reverted or were cancelled.
    std::map<std::uint64_t, std::vector<CoveredPayout>> payouts_;
    std::set<std::pair<std::uint64_t, std::string>> covered_;
    std::map<std::uint64_t, std::uint64_t> nonces_;  // key: nonce, value: intent
    std::uint64_t used_nonces_ = 0;                  // nonces of final intents
    std::set<std::uint64_t> settled_ids_;  // v3: ids of intents that neither failed nor were cancelled
    bool any_sent_ = false;                // something was signed
    std::set<Hash256> signed_;             // hashes of all attempts
    std::optional<std::uint64_t> signed_from_block_;  // the tip when the first one was signed
    U256 paid_rau_;
    U256 gas_rau_;
    std::map<std::int64_t, U256> days_;  // key: UTC day since 1970, value: value plus gas
};

}  // namespace ioswarm::settlement
