// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"
#include "settlement/payout_source.hpp"
#include "settlement/plan.hpp"
#include "settlement/view.hpp"

namespace ioswarm::settlement {

struct AuditFinding {
    enum class Severity {
        note,     ///< something that was not or cannot be checked
        warning,  ///< not wrong, and to be looked at
        error,    ///< an invariant does not hold
    };
    Severity severity = Severity::note;
    /// Which invariant (I1 to I10 of audit.cpp); `halt` is what the settler must stop for.
    std::string invariant;
    HaltReason halt = HaltReason::none;
    std::string text;  ///< for people
};
[[nodiscard]] const char* to_string(AuditFinding::Severity value) noexcept;

struct AuditReport {
    std::vector<AuditFinding> findings;
    std::uint64_t intents = 0;
    std::uint64_t payouts = 0;
    std::uint64_t receipts = 0;  ///< read from the chain
    std::uint64_t owed = 0;      ///< payouts that wait and that nothing covers

    /// No finding is an error.
    [[nodiscard]] bool holds() const noexcept;
    /// The first reason to stop; `none` when there is none.
    [[nodiscard]] Halt halt() const;
};

/// Checks all invariants from the two files, and from the chain when it is given. Reads only, and can take a
/// while: one receipt for each settlement. A settler that works meanwhile may give findings that are none:
/// run it again then. Errors: those of the files; of the chain only when no endpoint answers.
[[nodiscard]] Result<AuditReport> audit(SettlementView& view, PayoutSource& ledger,
                                        contracts::ChainClient* chain, const SettlementLimits& limits);

}  // namespace ioswarm::settlement
