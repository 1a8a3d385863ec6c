// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ledger/ledger_rows.hpp"

namespace ioswarm {

/// The part of an answer that is compared.
struct Claim {
    bool valid = false;
    bool has_reject_reason = false;
    bool executed = false;  ///< true: from execution; false: only signature, nonce and balance were checked
    RunComparison run;
};

/// Judges one answer. An answer without execution says only that signature, nonce and balance are good; if the
/// action was mined, they were good. An answer from execution is compared with our own run of the task if there
/// is one, otherwise with the receipt. `sender_succeeded` is true if another dispatched action of the same
/// sender succeeded in the same block.
[[nodiscard]] constexpr AnswerOutcome judge(const Claim& claim, bool receipt_succeeded,
                                            bool sender_succeeded) noexcept {
    const AnswerOutcome wrong = claim.valid ? AnswerOutcome::false_positive : AnswerOutcome::false_negative;
    if (claim.executed && claim.run.own != OwnRun::none) {
        const bool own = claim.run.own == OwnRun::valid;
        if (claim.valid == own)
            return own == receipt_succeeded ? AnswerOutcome::matched : AnswerOutcome::state_race;
        const bool as_the_receipt = claim.run.receipt_counts_too && claim.valid == receipt_succeeded;
        return as_the_receipt ? AnswerOutcome::matched : wrong;
    }
    const bool actual = !claim.executed || receipt_succeeded;
    if (claim.valid == actual) return AnswerOutcome::matched;
    const bool is_race = claim.valid && !claim.has_reject_reason && sender_succeeded;
    return is_race ? AnswerOutcome::nonce_race : wrong;
}

/// True for an outcome that counts as a match in accuracy and pay.
[[nodiscard]] constexpr bool is_match(AnswerOutcome outcome) noexcept {
    return outcome == AnswerOutcome::matched || outcome == AnswerOutcome::nonce_race ||
           outcome == AnswerOutcome::state_race;
}

/// Adds an outcome to the lifetime totals, and also whether the answer's gas and state changes agree with our
/// own run. Only the outcome affects accuracy and pay.
constexpr void count(AnswerOutcome outcome, const RunComparison& run, LedgerNumbers& numbers) noexcept {
    if (outcome == AnswerOutcome::none) return;
    ++numbers.compared;
    if (is_match(outcome)) ++numbers.matched;
    if (outcome == AnswerOutcome::nonce_race) ++numbers.nonce_race_excluded;
    if (outcome == AnswerOutcome::state_race) ++numbers.state_race_excluded;
    if (outcome == AnswerOutcome::false_positive) ++numbers.false_positives;
    if (outcome == AnswerOutcome::false_negative) ++numbers.false_negatives;
    if (run.gas == Agreement::same) ++numbers.evm_gas_matches;
    if (run.gas == Agreement::differs) ++numbers.evm_gas_mismatches;
    if (run.state == Agreement::same) ++numbers.evm_state_matches;
    if (run.state == Agreement::differs) ++numbers.evm_state_mismatches;
}

}  // namespace ioswarm
