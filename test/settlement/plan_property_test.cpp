// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <random>
#include <set>

#include "test/settlement/plan_world.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::settlement::test;

namespace {

/// Random owed payouts that a ledger could have: shared wallets, missing wallets, wallets that were named late,
/// amounts from 0 to large ones, and few free ids.
PlanWorld random_world(std::mt19937_64& random) {
    const auto below = [&random](std::uint64_t n) { return random() % n; };
    PlanWorld world;
    world.limits.push = below(2) == 0;
    world.limits.block_gas_limit = 60'000 + 75'000 * (1 + below(12));
    const std::uint64_t epochs = 1 + below(8);
    const std::uint64_t agents = 1 + below(30);
    const std::uint64_t wallets = 1 + below(40);
    for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch) {
        for (std::uint64_t agent = 0; agent < agents; ++agent) {
            if (below(4) == 0) continue;
            const U256 amount = below(10) == 0 ? U256{0} : U256{below(~std::uint64_t{0})} * (1 + below(1000));
            std::optional<Address> wallet;
            if (below(8) != 0) wallet = wallet_number((agent * 7 + below(2)) % wallets);
            world.owe(epoch, std::to_string(100 + agent), wallet, amount);
        }
    }
    for (std::uint64_t i = below(wallets); i > 0; --i)
        world.input.push_failed.insert(wallet_number(below(wallets)));
    world.input.ledger_height = 10 * epochs + 10 + below(10);
    world.input.pool.last_epoch = below(2) == 0 ? 0 : below(world.input.ledger_height);
    return world;
}

using PayoutKey = std::pair<std::uint64_t, std::string>;

void check_plan(const PlanWorld& world, const Plan& plan) {
    std::map<PayoutKey, const OwedPayout*> owed;
    for (const OwedPayout& payout : world.input.owed)
        owed[{payout.epoch, payout.agent_id}] = &payout;
    std::set<PayoutKey> paid;
    std::set<Address> paid_wallets;
    std::uint64_t newest_paid = 0;
    U256 value = 0;
    std::uint64_t last_id = world.input.pool.last_epoch;
    for (const PlannedIntent& planned : plan.intents) {
        std::map<Address, U256> due;
        REQUIRE(std::ranges::is_sorted(planned.payouts, {}, [](const CoveredPayout& payout) {
            return PayoutKey{payout.epoch, payout.agent_id};
        }));
        for (const CoveredPayout& payout : planned.payouts) {
            const PayoutKey key{payout.epoch, payout.agent_id};
            REQUIRE(owed.contains(key));
            REQUIRE(owed[key]->amount_rau == payout.amount_rau);
            REQUIRE(owed[key]->wallet == payout.wallet);
            REQUIRE(paid.insert(key).second);
            due[payout.wallet] += payout.amount_rau;
            newest_paid = std::max(newest_paid, payout.epoch);
        }
        std::erase_if(due, [](const auto& entry) { return entry.second == 0; });
        const SettleEpochRun run = run_settle_epoch(planned.intent);
        std::map<Address, U256> got = run.credited;
        for (const auto& [wallet, amount] : run.sent) {
            REQUIRE(world.limits.push);
            REQUIRE_FALSE(world.input.push_failed.contains(wallet));
            REQUIRE(got.emplace(wallet, amount).second);
        }
        REQUIRE(got == due);
        for (const auto& [wallet, amount] : due)
            REQUIRE(paid_wallets.insert(wallet).second);
        REQUIRE(run.epoch == planned.intent.pool_epoch);
        REQUIRE(run.epoch > last_id);
        REQUIRE(run.epoch <= world.input.ledger_height);
        REQUIRE(planned.intent.gas_limit <= world.limits.block_gas_limit);
        REQUIRE(planned.intent.payouts_hash == payouts_hash(planned.payouts));
        last_id = run.epoch;
        value += planned.intent.value_rau;
    }
    REQUIRE(value == plan.value_rau);
    REQUIRE(plan.intents.size() <= 32);
    // Every epoch that the plan pays is paid completely.
    for (const auto& [key, payout] : owed) {
        if (payout->wallet && payout->epoch <= newest_paid) REQUIRE(paid.contains(key));
    }
}

}  // namespace

TEST_CASE("for any payouts each wallet gets exactly its amount, once") {
    std::size_t with_parts = 0;
    std::size_t held = 0;
    for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        PlanWorld world = random_world(random);
        const Plan plan = world.plan();
        if (plan.hold.reason != HoldReason::none) {
            ++held;
            REQUIRE(plan.intents.empty());
            continue;
        }
        if (plan.intents.size() > 1) ++with_parts;
        check_plan(world, plan);
    }
    CHECK(with_parts > 500);
    CHECK(held > 20);
    CHECK(held < 1'500);
}
