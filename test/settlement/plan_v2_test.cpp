// SPDX-License-Identifier: Apache-2.0
#include <random>

#include "contracts/pool_gas.hpp"
#include "test/settlement/plan_world.hpp"
#include "test/support/fake_reward_pool.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::settlement::test;
using ioswarm::test::FakeRewardPool;
using ioswarm::test::FakeRun;

namespace {

/// The arguments of depositAndSettle and depositSettleAndClaim.
struct V2Call {
    std::vector<Address> wallets;
    std::vector<U256> weights;
    std::vector<Address> claimees;
    bool claims = false;
};
V2Call v2_call_of(const IntentRow& intent) {
    V2Call out;
    const auto selector = contracts::abi::selector("depositSettleAndClaim(address[],uint256[],address[])");
    out.claims = std::equal(selector.begin(), selector.end(), intent.data.begin());
    contracts::abi::Reader reader(BytesView(intent.data).subspan(4));
    out.wallets = reader.addresses(10'000).value();
    out.weights = reader.uints(10'000).value();
    if (out.claims) out.claimees = reader.addresses(10'000).value();
    return out;
}

FakeRun run_on(FakeRewardPool& pool, const PlanWorld& world, const IntentRow& intent) {
    FakeRun run = pool.run(world.identity.wallet, intent.value_rau, intent.data, false);
    REQUIRE(run.ok);
    return run;
}

}  // namespace

TEST_CASE("a v2 settlement sends weights without value, then the value with empty lists") {
    PlanWorld world(PoolVersion::v2);
    world.owe(1, "a", wallet_number(2), kIotx * 3)
        .owe(1, "b", wallet_number(1), kIotx)
        .owe(2, "c", wallet_number(2), 5);
    world.input.pool.weights = {{wallet_number(1), 7}, {wallet_number(9), 8}};
    world.input.pool.total_weight = 15;

    const Plan plan = world.plan();

    CHECK(plan.hold.detail.empty());
    REQUIRE(plan.intents.size() == 2);
    const IntentRow& weights = plan.intents[0].intent;
    CHECK(weights.kind == IntentKind::weights);
    CHECK(weights.value_rau == 0);
    CHECK(plan.intents[0].payouts.empty());
    CHECK(weights.payouts_hash == Hash256{});
    CHECK(weights.first_epoch == 1);
    CHECK(weights.last_epoch == 2);
    const V2Call first = v2_call_of(weights);
    CHECK_FALSE(first.claims);
    CHECK(first.wallets == std::vector<Address>{wallet_number(1), wallet_number(2), wallet_number(9)});
    CHECK(first.weights == std::vector<U256>{kIotx, kIotx * 3 + 5, 0});
    CHECK(weights.gas_limit == contracts::v2_gas_limit(3, 0));

    const IntentRow& value = plan.intents[1].intent;
    CHECK(value.kind == IntentKind::value);
    CHECK(value.value_rau == kIotx * 4 + 5);
    CHECK(plan.intents[1].payouts.size() == 3);
    CHECK(value.payouts_hash == payouts_hash(plan.intents[1].payouts));
    const V2Call second = v2_call_of(value);
    CHECK(second.claims);
    CHECK(second.wallets.empty());
    CHECK(second.claimees == std::vector<Address>{wallet_number(1), wallet_number(2)});
    CHECK(value.gas_limit == contracts::v2_gas_limit(0, 2));
    CHECK(plan.value_rau == kIotx * 4 + 5);
}

TEST_CASE("a v2 pool credits when push is off, and for wallets that refused a push") {
    PlanWorld world(PoolVersion::v2);
    world.owe(1, "a", wallet_number(1), 10).owe(1, "b", wallet_number(2), 20);
    world.input.push_failed.insert(wallet_number(1));
    CHECK(v2_call_of(world.plan().intents[1].intent).claimees == std::vector<Address>{wallet_number(2)});
    world.limits.push = false;
    CHECK_FALSE(v2_call_of(world.plan().intents[1].intent).claims);
}

TEST_CASE("a v2 settlement waits while the weights do not add up to totalWeight()") {
    PlanWorld world(PoolVersion::v2);
    world.owe(1, "a", wallet_number(1), 10);
    world.input.pool.weights = {{wallet_number(3), 4}};
    world.input.pool.total_weight = 5;
    const Plan plan = world.plan();
    CHECK(plan.intents.empty());
    CHECK(plan.hold.reason == HoldReason::pool_weights);
    CHECK(plan.hold.detail.find("add up to 4, and its totalWeight() is 5") != std::string::npos);
}

TEST_CASE("damaged v2 code may be used to send money, and is refused for crediting it") {
    PlanWorld world(PoolVersion::v2_damaged);
    world.owe(1, "a", wallet_number(1), 10);
    CHECK(world.plan().intents.size() == 2);
    world.limits.push = false;
    const Plan plan = world.plan();
    CHECK(plan.intents.empty());
    CHECK(plan.hold.reason == HoldReason::pool_damaged);
}

TEST_CASE("payouts too many for a v2 call are paid epoch by epoch, and wait when one epoch is too large") {
    PlanWorld world(PoolVersion::v2);
    world.owe_many(1, 200);
    for (std::uint64_t i = 0; i < 200; ++i)
        world.owe(2, std::to_string(1'000 + i), wallet_number(5'000 + i), 1);
    const Plan some = world.plan();
    REQUIRE(some.intents.size() == 2);
    CHECK(some.intents[1].intent.last_epoch == 1);
    CHECK(some.intents[0].intent.gas_limit > 8'000'000);
    CHECK(some.intents[0].intent.gas_limit <= world.limits.block_gas_limit);

    world.input.owed.clear();
    world.owe_many(1, 311);
    const Plan held = world.plan();
    CHECK(held.intents.empty());
    CHECK(held.hold.reason == HoldReason::too_large);
}

TEST_CASE("the two steps on a v2 pool give each wallet exactly its amount, whatever was settled before") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        PlanWorld world(PoolVersion::v2);
        world.limits.push = random() % 2 == 0;
        FakeRewardPool pool(FakeRewardPool::Version::v2, world.identity.contract, world.identity.wallet);
        // An earlier coordinator left weights, and a sum of rewards per weight that is not a round number.
        std::map<Address, U256> weights;
        std::vector<Address> old_wallets;
        std::vector<U256> old_weights;
        for (std::uint64_t i = 0; i < 5; ++i) {
            old_wallets.push_back(wallet_number(i));
            old_weights.push_back(1 + random() % 1'000);
            weights[old_wallets.back()] = old_weights.back();
        }
        REQUIRE(pool.run(world.identity.wallet, 0, contracts::deposit_and_settle_call(old_wallets, old_weights),
                         false)
                    .ok);
        REQUIRE(
            pool.run(world.identity.wallet, 1'000'003, contracts::deposit_and_settle_call({}, {}), false).ok);

        for (std::uint64_t round = 1; round <= 4; ++round) {
            std::map<Address, U256> before;
            for (std::uint64_t i = 0; i < 12; ++i)
                before[wallet_number(i)] = pool.claimable(wallet_number(i));
            world.input.owed.clear();
            std::map<Address, U256> due;
            for (std::uint64_t agent = 0; agent < 6; ++agent) {
                const Address wallet = wallet_number(random() % 12);
                const U256 amount = U256(random()) * (1 + random() % 100'000);
                world.owe(round, std::to_string(agent), wallet, amount);
                due[wallet] += amount;
            }
            world.input.pool.weights = weights;
            world.input.pool.total_weight = pool.total_weight();
            const Plan plan = world.plan();
            REQUIRE(plan.intents.size() == 2);
            CHECK(run_on(pool, world, plan.intents[0].intent).paid.empty());
            CHECK(pool.total_weight() == plan.value_rau);
            const FakeRun run = run_on(pool, world, plan.intents[1].intent);
            for (std::uint64_t i = 0; i < 12; ++i) {
                const Address wallet = wallet_number(i);
                const auto paid = run.paid.find(wallet);
                const U256 got = pool.claimable(wallet) + (paid == run.paid.end() ? U256(0) : paid->second);
                CHECK(got == before[wallet] + due[wallet]);
            }
            weights.clear();
            for (const auto& [wallet, amount] : due)
                weights[wallet] = amount;
        }
    }
}

TEST_CASE("on v2 a share is exact because the value is the sum of the weights") {
    // The contract adds value · 10^18 / total to its sum, and pays weight · (the added amount) / 10^18. With
    // value == total it adds exactly 10^18, and each share is exactly the weight: nothing is rounded.
    const U256 scale = U256(1'000'000'000) * 1'000'000'000;
    const auto share = [&scale](const U256& value, const U256& total, const U256& weight) {
        return U256(weight * (value * scale / total) / scale);
    };
    const U256 total = kIotx * 450 + 7;
    for (const U256& weight : {U256(1), U256(kIotx / 3), U256(total - 1), total})
        CHECK(share(total, total, weight) == weight);
    // With any other value, rounding loses a part: three weights of 1 and a value of 10.
    CHECK(share(10, 3, 1) * 3 == 9);
}
