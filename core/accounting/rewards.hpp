// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/u256.hpp"
#include "core/model/settings.hpp"

namespace ioswarm {

/// The work of one agent in an epoch, in numbers of answers.
struct EpochWork {
    std::string agent_id;
    std::uint64_t tasks = 0;
    std::uint64_t compared = 0;
    std::uint64_t correct = 0;  ///< ≤ compared
};

/// The part of the reward that one agent gets.
struct EpochShare {
    std::string agent_id;
    U256 amount_rau;
    U256 weight;
    std::uint32_t rank = 0;  ///< from 1, by amount descending; equal amounts by agent id
    bool bonus = false;
};

/// The reward of one epoch, divided. Amounts are in rau.
struct EpochShares {
    U256 reward_rau;
    U256 cut_rau;
    U256 pool_rau;                   ///< reward − cut
    std::vector<EpochShare> shares;  ///< in order of rank; they add up to pool_rau, or the list is empty
};

/// Divides the reward of an epoch exactly:
/// - the cut is reward · delegateCutPct / 100, rounded down (a fraction of a rau goes to the agents), at most
///   the reward;
/// - an agent is eligible with tasks ≥ min_tasks_for_reward and at least one task;
/// - the bonus needs at least one comparison and correct/compared ≥ bonus_accuracy_pct, compared as fractions;
/// - weight = tasks · 1000, multiplied by bonus_multiplier with the bonus, rounded down (as on chain);
/// - amount = pool · weight / sum of weights, rounded down; the rest goes rau by rau to the largest remainders,
///   equal ones by agent id.
/// No setting makes a number overflow: the multiplier is limited to 2^64. `work` must hold each agent once.
[[nodiscard]] EpochShares share_out(const RewardSettings& settings, const std::vector<EpochWork>& work);

}  // namespace ioswarm
