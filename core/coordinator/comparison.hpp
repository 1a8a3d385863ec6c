// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ledger/ledger_rows.hpp"

namespace ioswarm {

/// What comparing one answer with the chain came to.
enum class Verdict {
    matched,
    nonce_race,      ///< counted as a match: the agent could not know that the sender's other action came first
    false_positive,  ///< agent valid, chain invalid
    false_negative,  ///< agent invalid, chain valid
};

/// An answer from execution is held against the receipt; one without says only that signature, nonce and balance are
/// good, and that the action was mined proves it. `sender_succeeded`: another dispatched action of its sender succeeded
/// in the same block (../shared/spec/rewards-and-settlement.md section 1).
[[nodiscard]] constexpr Verdict judge(bool valid, bool has_reject_reason, bool executed, bool receipt_succeeded,
                                      bool sender_succeeded) noexcept {
    const bool actual = !executed || receipt_succeeded;
    if (valid == actual) return Verdict::matched;
    if (!valid) return Verdict::false_negative;
    return !has_reject_reason && sender_succeeded ? Verdict::nonce_race : Verdict::false_positive;
}

[[nodiscard]] constexpr bool is_match(Verdict verdict) noexcept {
    return verdict == Verdict::matched || verdict == Verdict::nonce_race;
}

/// Adds the shadow counters of `delta` to those of `numbers`.
constexpr void add_counted(const LedgerNumbers& delta, LedgerNumbers& numbers) noexcept {
    numbers.compared += delta.compared;
    numbers.matched += delta.matched;
    numbers.false_positives += delta.false_positives;
    numbers.false_negatives += delta.false_negatives;
    numbers.nonce_race_excluded += delta.nonce_race_excluded;
}

/// Counts a verdict in the lifetime totals.
constexpr void count(Verdict verdict, LedgerNumbers& numbers) noexcept {
    ++numbers.compared;
    if (is_match(verdict)) ++numbers.matched;
    if (verdict == Verdict::nonce_race) ++numbers.nonce_race_excluded;
    if (verdict == Verdict::false_positive) ++numbers.false_positives;
    if (verdict == Verdict::false_negative) ++numbers.false_negatives;
}

}  // namespace ioswarm
