// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
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

/// The rule under which the digest that a diff carries is the digest of its entries; nothing when there is
/// none. A diff does not say which rule its block follows. If both fit, because no entry is of contract
/// staking, the answer is `current`.
[[nodiscard]] std::optional<DigestRules> rules_of_digest(const StateDiff& diff) noexcept;
/// Whether an entry is of contract staking, so that the two rules give different digests.
[[nodiscard]] bool names_contract_staking(const StateDiff& diff) noexcept;

/// True when rules_of_digest() has an answer.
[[nodiscard]] bool has_true_digest(const StateDiff& diff) noexcept;

}  // namespace ioswarm
