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

/// One thing that the audit found.
struct AuditFinding {
    enum class Severity {
        note,     ///< something that was not or cannot be checked
        warning,  ///< not wrong, but the operator should know it
        error,    ///< an invariant is broken
    };
    Severity severity = Severity::note;
    /// The broken invariant (I1 to I10, listed in audit.cpp). `halt` is the reason for which the settler must
    /// stop.
    std::string invariant;
    HaltReason halt = HaltReason::none;
    std::string text;  ///< for people
};
[[nodiscard]] const char* to_string(AuditFinding::Severity value) noexcept;

/// The findings of an audit, and how much it compared.
struct AuditReport {
    std::vector<AuditFinding> findings;
    std::uint64_t intents = 0;
    std::uint64_t payouts = 0;
    std::uint64_t receipts = 0;  ///< number of receipts read from the chain
    std::uint64_t owed = 0;      ///< waiting payouts that no intent covers

    /// Whether no finding is an error.
    [[nodiscard]] bool holds() const noexcept;
    /// The first reason to stop, or `none`.
    [[nodiscard]] Halt halt() const;
};

/// Checks all invariants from the two files, and from the chain when it is given. Only reads. It can take a
/// while, since it reads one receipt per settlement. While a settler is running there may be false findings;
/// then run it again. Errors: those of the files; those of the chain only when no endpoint answers.
[[nodiscard]] Result<AuditReport> audit(SettlementView& view, PayoutSource& ledger,
                                        contracts::ChainClient* chain, const SettlementLimits& limits);

}  // namespace ioswarm::settlement
