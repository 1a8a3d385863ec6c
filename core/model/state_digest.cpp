// SPDX-License-Identifier: Apache-2.0
#include "core/model/state_digest.hpp"

#include <algorithm>
#include <string_view>

#include "core/crypto/keccak.hpp"

namespace ioswarm {
namespace {

bool is_contract_staking(std::string_view ns) {
    return ns == "staking_contract_meta" || ns.starts_with("cs_bucket_");
}

}  // namespace

Hash256 state_digest(std::span<const StateDiffEntry> entries, DigestRules rules) noexcept {
    Keccak256 hash;
    for (const StateDiffEntry& entry : entries) {
        if (entry.ns == "StakingView") continue;
        if (rules == DigestRules::before_contract_staking && is_contract_staking(entry.ns)) continue;
        const auto type = static_cast<std::uint8_t>(entry.write_type);
        hash.update({&type, 1}).update(as_bytes(entry.ns)).update(entry.key).update(entry.value);
    }
    return hash.finish();
}

bool names_contract_staking(const StateDiff& diff) noexcept {
    return std::any_of(diff.entries.begin(), diff.entries.end(),
                       [](const StateDiffEntry& entry) { return is_contract_staking(entry.ns); });
}

std::optional<DigestRules> rules_of_digest(const StateDiff& diff) noexcept {
    const auto carried = Hash256::from(diff.digest);
    if (!carried) return std::nullopt;
    if (*carried == state_digest(diff.entries, DigestRules::current)) return DigestRules::current;
    if (names_contract_staking(diff) &&
        *carried == state_digest(diff.entries, DigestRules::before_contract_staking))
        return DigestRules::before_contract_staking;
    return std::nullopt;
}

bool has_true_digest(const StateDiff& diff) noexcept {
    return rules_of_digest(diff).has_value();
}

}  // namespace ioswarm
