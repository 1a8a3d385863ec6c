// SPDX-License-Identifier: Apache-2.0
// Expected values without another source are computed by hand from the rules in rewards.hpp.
#include <algorithm>
#include <numeric>
#include <random>

#include <catch2/catch.hpp>

#include "core/accounting/rewards.hpp"
#include "core/base/u512.hpp"

namespace ioswarm {
namespace {

RewardSettings settings_with(const char* reward_iotx) {
    RewardSettings out;
    out.epoch_reward_rau = iotx_to_rau(*parse_decimal(reward_iotx));
    return out;
}

EpochWork work(std::string agent, std::uint64_t tasks, std::uint64_t compared, std::uint64_t correct) {
    return {std::move(agent), tasks, compared, correct};
}

U256 sum_of(const EpochShares& shares) {
    U256 out = 0;
    for (const EpochShare& share : shares.shares)
        out += share.amount_rau;
    return out;
}

}  // namespace

TEST_CASE("a reward of 800 IOTX gives two agents with equal work 360 IOTX each") {
    const EpochShares out =
        share_out(settings_with("800"), {work("a", 100, 100, 100), work("b", 100, 100, 100)});
    CHECK(out.cut_rau == iotx_to_rau(*parse_decimal("80")));
    REQUIRE(out.shares.size() == 2);
    CHECK(rau_to_iotx(out.shares[0].amount_rau) == "360");
    CHECK(rau_to_iotx(out.shares[1].amount_rau) == "360");
}

TEST_CASE("a weight is 120,000 for 100 tasks at 100% accuracy, and 100,000 at 90%") {
    const EpochShares out =
        share_out(settings_with("800"), {work("a", 100, 100, 90), work("b", 100, 100, 100)});
    REQUIRE(out.shares.size() == 2);
    CHECK(out.shares[0].agent_id == "b");
    CHECK(out.shares[0].weight == 120000);
    CHECK(out.shares[0].bonus);
    CHECK(out.shares[1].weight == 100000);
    CHECK_FALSE(out.shares[1].bonus);
}

TEST_CASE("a reward of 0.5 IOTX gives a single agent 0.45 IOTX") {
    const EpochShares out = share_out(settings_with("0.5"), {work("a", 100, 0, 0)});
    REQUIRE(out.shares.size() == 1);
    CHECK(rau_to_iotx(out.shares[0].amount_rau) == "0.45");
    CHECK(out.shares[0].rank == 1);
}

TEST_CASE("an epoch in which no agent has enough tasks pays nothing") {
    RewardSettings settings = settings_with("800");
    settings.min_tasks_for_reward = 9999;
    CHECK(share_out(settings, {work("a", 9998, 0, 0)}).shares.empty());
    CHECK(share_out(settings, {work("a", 9999, 0, 0)}).shares.size() == 1);
}

TEST_CASE("an epoch reward of 0 is not distributed") {
    CHECK(share_out(settings_with("0"), {work("a", 100, 100, 100)}).shares.empty());
}

TEST_CASE("an agent without a comparison gets no bonus") {
    const EpochShares out = share_out(settings_with("800"), {work("a", 100, 0, 0), work("b", 100, 1, 1)});
    CHECK(out.shares[0].agent_id == "b");
    CHECK(out.shares[0].bonus);
    CHECK_FALSE(out.shares[1].bonus);
}

TEST_CASE("the accuracy for the bonus is compared exactly, not as a rounded percentage") {
    RewardSettings settings = settings_with("1");
    const auto bonus = [&](std::uint64_t compared, std::uint64_t correct) {
        return share_out(settings, {work("a", 1000, compared, correct)}).shares.at(0).bonus;
    };
    CHECK(bonus(1000, 995));
    CHECK_FALSE(bonus(1000, 994));
    CHECK(bonus(200, 199));  // exactly 99.5%
    CHECK_FALSE(bonus(201, 199));
    settings.bonus_accuracy_pct = *parse_decimal("99.999999999999999999");
    CHECK_FALSE(bonus(1'000'000'000'000, 999'999'999'999));
    CHECK(bonus(1'000'000'000'000, 1'000'000'000'000));
}

TEST_CASE("a weight with a bonus is rounded down") {
    RewardSettings settings = settings_with("1");
    settings.bonus_multiplier = *parse_decimal("1.0005");
    CHECK(share_out(settings, {work("a", 11, 1, 1)}).shares.at(0).weight == 11005);
    settings.bonus_multiplier = *parse_decimal("1.00015");
    CHECK(share_out(settings, {work("a", 11, 1, 1)}).shares.at(0).weight == 11001);
}

TEST_CASE("the rest of a division goes to the largest remainders, and by agent id where they are equal") {
    RewardSettings settings;
    settings.delegate_cut_pct = {0, 0};
    settings.min_tasks_for_reward = 1;
    settings.epoch_reward_rau = 100;
    // Each share is 100 · 1/3. One rau is left and goes to the first id.
    EpochShares out = share_out(settings, {work("c", 1, 0, 0), work("b", 1, 0, 0), work("a", 1, 0, 0)});
    REQUIRE(out.shares.size() == 3);
    CHECK(out.shares[0].agent_id == "a");
    CHECK(out.shares[0].amount_rau == 34);
    CHECK(out.shares[1].agent_id == "b");
    CHECK(out.shares[1].amount_rau == 33);
    CHECK(out.shares[2].rank == 3);
    // 10 divided by 1:2:4 is 1 3/7, 2 6/7, 5 5/7. The two rau that are left go to the remainders 6/7 and 5/7.
    settings.epoch_reward_rau = 10;
    out = share_out(settings, {work("a", 1, 0, 0), work("b", 2, 0, 0), work("c", 4, 0, 0)});
    CHECK(out.shares[0].amount_rau == 6);
    CHECK(out.shares[1].amount_rau == 3);
    CHECK(out.shares[2].amount_rau == 1);
}

TEST_CASE("a cut with fractions is exact, and a fraction of a rau goes to the agents", "[defect-21]") {
    RewardSettings settings = settings_with("800");
    settings.delegate_cut_pct = *parse_decimal("12.75");
    CHECK(rau_to_iotx(share_out(settings, {}).cut_rau) == "102");
    settings.epoch_reward_rau = 7;
    settings.delegate_cut_pct = *parse_decimal("10");
    CHECK(share_out(settings, {}).cut_rau == 0);
    CHECK(share_out(settings, {}).pool_rau == 7);
}

TEST_CASE("agents never get more than the pool, whatever the settings are", "[defect-21]") {
    RewardSettings settings = settings_with("1");
    settings.delegate_cut_pct =
        *parse_decimal("250");  // the configuration refuses this value; even so, no money may be created
    CHECK(share_out(settings, {work("a", 100, 0, 0)}).pool_rau == 0);
    CHECK(share_out(settings, {work("a", 100, 0, 0)}).shares.empty());
}

TEST_CASE("an amount of 0.1 is read as 10^17 rau, and shares beyond a double's precision add up",
          "[defect-21]") {
    RewardSettings settings = settings_with("0.1");
    CHECK(settings.epoch_reward_rau == *u256_from_decimal("100000000000000000"));
    settings.epoch_reward_rau = *u256_from_decimal("123456789012345678901234567");
    settings.delegate_cut_pct = *parse_decimal("33.333333333333333333");
    const EpochShares out =
        share_out(settings, {work("a", 10, 0, 0), work("b", 11, 11, 11), work("c", 1'000'003, 5, 1)});
    CHECK(sum_of(out) == out.pool_rau);
    CHECK(out.cut_rau + out.pool_rau == settings.epoch_reward_rau);
    // floor(123456789012345678901234567 · 33.333333333333333333 / 100), computed with Python's integers.
    CHECK(to_decimal(out.cut_rau) == "41152263004115226299999999");
}

TEST_CASE("the largest possible numbers do not overflow", "[defect-21]") {
    RewardSettings settings;
    settings.epoch_reward_rau = ~U256(0);
    settings.delegate_cut_pct = {0, 0};
    settings.bonus_multiplier = {~U256(0), 0};
    const std::uint64_t most = ~std::uint64_t{0};
    const EpochShares out =
        share_out(settings, {work("a", most, most, most), work("b", most, most, most), work("c", 10, 0, 0)});
    REQUIRE(out.shares.size() == 3);
    U512 sum = 0;
    for (const EpochShare& share : out.shares)
        sum += to_u512(share.amount_rau);
    CHECK(sum == to_u512(~U256(0)));
}

TEST_CASE("payouts add up to the pool to the rau in 10,000 random epochs", "[defect-21]") {
    std::mt19937_64 random(20260101);
    const auto below = [&](std::uint64_t bound) {
        return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random);
    };
    for (int round = 0; round < 10'000; ++round) {
        RewardSettings settings;
        settings.epoch_reward_rau = U256(below(1'000'000'000)) * U256(below(~std::uint64_t{0})) + below(1000);
        settings.delegate_cut_pct = {U256(below(10'001)), 2};
        settings.min_tasks_for_reward = below(20);
        settings.bonus_accuracy_pct = {U256(below(1001)), 1};
        settings.bonus_multiplier = {U256(1000 + below(4000)), 3};
        std::vector<EpochWork> agents;
        const std::uint64_t count = below(40);
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t tasks = below(3) == 0 ? below(30) : below(1'000'000);
            const std::uint64_t compared = below(tasks + 1);
            agents.push_back(work("agent-" + std::to_string(i), tasks, compared, below(compared + 1)));
        }
        const EpochShares out = share_out(settings, agents);
        REQUIRE(out.cut_rau + out.pool_rau == settings.epoch_reward_rau);
        if (out.shares.empty()) continue;
        REQUIRE(sum_of(out) == out.pool_rau);
        for (std::size_t i = 1; i < out.shares.size(); ++i) {
            REQUIRE(out.shares[i - 1].amount_rau >= out.shares[i].amount_rau);
            REQUIRE(out.shares[i].rank == i + 1);
        }
        // A larger weight never gets less, and equal weights differ by at most one rau.
        std::vector<EpochShare> by_weight = out.shares;
        std::sort(by_weight.begin(), by_weight.end(),
                  [](const auto& a, const auto& b) { return a.weight < b.weight; });
        for (std::size_t i = 1; i < by_weight.size(); ++i) {
            REQUIRE(by_weight[i].amount_rau + 1 >= by_weight[i - 1].amount_rau);
        }
    }
}

}  // namespace ioswarm
