// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/rewards.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/base/u512.hpp"

namespace ioswarm {
namespace {

constexpr unsigned kWeightUnit = 1000;

U512 power_of_ten(unsigned exponent) {
    U512 out = 1;
    for (unsigned i = 0; i < exponent; ++i)
        out *= 10;
    return out;
}

U256 cut_of(const RewardSettings& settings) {
    // The product of two 256-bit numbers fits in 512 bits.
    const U512 cut = to_u512(settings.epoch_reward_rau) * to_u512(settings.delegate_cut_pct.unscaled) /
                     (power_of_ten(settings.delegate_cut_pct.scale) * 100);
    return cut > to_u512(settings.epoch_reward_rau) ? settings.epoch_reward_rau : to_u256(cut);
}

bool earns_bonus(const RewardSettings& settings, const EpochWork& work) {
    if (work.compared == 0) return false;
    const Decimal& wanted = settings.bonus_accuracy_pct;
    return U512(work.correct) * 100 * power_of_ten(wanted.scale) >= to_u512(wanted.unscaled) * work.compared;
}

U256 weight_of(const RewardSettings& settings, const EpochWork& work, bool bonus) {
    const U512 plain = U512(work.tasks) * kWeightUnit;
    if (!bonus) return to_u256(plain);
    const U512 unit = power_of_ten(settings.bonus_multiplier.scale);
    const U512 most = unit << 64;  // keeps weights and their sum far below 2^256
    const U512 multiplier = std::min(to_u512(settings.bonus_multiplier.unscaled), most);
    return to_u256(plain * multiplier / unit);
}

/// Divides the pool in proportion to the weights of `shares`, which must all be above 0.
void hand_out(const U256& pool, std::vector<EpochShare>& shares) {
    U512 total = 0;
    for (const EpochShare& share : shares)
        total += to_u512(share.weight);

    std::vector<std::pair<U512, std::size_t>> remainders;
    remainders.reserve(shares.size());
    U256 given = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const U512 exact = to_u512(pool) * to_u512(shares[i].weight);  // 2^256 · 2^139: fits
        shares[i].amount_rau = to_u256(exact / total);
        given += shares[i].amount_rau;
        remainders.emplace_back(exact % total, i);
    }
    std::sort(remainders.begin(), remainders.end(), [&](const auto& a, const auto& b) {
        if (a.first != b.first) return a.first > b.first;
        return shares[a.second].agent_id < shares[b.second].agent_id;
    });
    // Each share was rounded down by less than 1 rau, so fewer rau are left than there are shares.
    U256 left = pool - given;
    for (const auto& [remainder, index] : remainders) {
        if (left == 0) break;
        shares[index].amount_rau += 1;
        left -= 1;
    }
}

}  // namespace

EpochShares share_out(const RewardSettings& settings, const std::vector<EpochWork>& work) {
    EpochShares out;
    out.reward_rau = settings.epoch_reward_rau;
    out.cut_rau = cut_of(settings);
    out.pool_rau = out.reward_rau - out.cut_rau;
    if (out.pool_rau == 0) return out;

    for (const EpochWork& agent : work) {
        if (agent.tasks == 0 || agent.tasks < settings.min_tasks_for_reward) continue;
        const bool bonus = earns_bonus(settings, agent);
        const U256 weight = weight_of(settings, agent, bonus);
        if (weight > 0) out.shares.push_back({agent.agent_id, 0, weight, 0, bonus});
    }
    if (out.shares.empty()) return out;
    hand_out(out.pool_rau, out.shares);
    std::sort(out.shares.begin(), out.shares.end(), [](const EpochShare& a, const EpochShare& b) {
        if (a.amount_rau != b.amount_rau) return a.amount_rau > b.amount_rau;
        return a.agent_id < b.agent_id;
    });
    for (std::size_t i = 0; i < out.shares.size(); ++i)
        out.shares[i].rank = static_cast<std::uint32_t>(i + 1);
    return out;
}

}  // namespace ioswarm
