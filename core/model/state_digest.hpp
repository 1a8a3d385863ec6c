// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/base/bytes.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// The digest is keccak256 over write_type (1 byte) ‖ namespace ‖ key ‖ value of each entry that counts, in
/// order. Entries of the namespace `StakingView` never count.
enum class DigestRules {
    /// Contract staking namespaces count: blocks since the chain began to store them.
    current,
    /// `staking_contract_meta` and names that start with `cs_bucket_` do not count: older blocks.
    before_contract_staking,
};
[[nodiscard]] Hash256 state_digest(std::span<const StateDiffEntry> entries, DigestRules rules) noexcept;

/// True when the digest that a diff carries is the digest of its entries under one of the two rules. A diff
/// does not say which rule its block follows.
[[nodiscard]] bool has_true_digest(const StateDiff& diff) noexcept;

}  // namespace ioswarm
