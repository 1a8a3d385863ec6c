// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/base/bytes.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// keccak256 over write_type (1 byte) ‖ namespace ‖ key ‖ value of each entry that counts, in order
/// (../shared/spec/node.md section 3). `StakingView` never counts.
enum class DigestRules {
    /// Namespaces of contract staking count too: blocks since their storage was switched on.
    current,
    /// `staking_contract_meta` and names that start with `cs_bucket_` do not count: blocks before that.
    before_contract_staking,
};
[[nodiscard]] Hash256 state_digest(std::span<const StateDiffEntry> entries, DigestRules rules) noexcept;

/// The digest a diff carries is that of its entries, by one rule or the other (nothing in a diff says which of
/// them its block is under).
[[nodiscard]] bool has_true_digest(const StateDiff& diff) noexcept;

}  // namespace ioswarm
