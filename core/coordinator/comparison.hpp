// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ledger/ledger_rows.hpp"

namespace ioswarm {

/// An answer from execution is held against the receipt; one without says only that signature, nonce and
/// balance are good, and that the action was mined proves it. `sender_succeeded`: another dispatched action of
/// its sender succeeded in the same block (../shared/spec/rewards-and-settlement.md section 1).
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

/// Counts a verdict in the lifetime totals.
constexpr void count(Verdict verdict, LedgerNumbers& numbers) noexcept {
    if (verdict == Verdict::none) return;
    ++numbers.compared;
    if (is_match(verdict)) ++numbers.matched;
    if (verdict == Verdict::nonce_race) ++numbers.nonce_race_excluded;
    if (verdict == Verdict::false_positive) ++numbers.false_positives;
    if (verdict == Verdict::false_negative) ++numbers.false_negatives;
}

}  // namespace ioswarm
