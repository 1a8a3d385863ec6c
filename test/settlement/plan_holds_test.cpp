// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "contracts/pool_gas.hpp"
#include "test/settlement/plan_world.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::settlement::test;

namespace {

void expect_hold(PlanWorld& world, HoldReason reason, const std::string& figures) {
    const Plan plan = world.plan();
    CHECK(plan.intents.empty());
    CHECK(plan.hold.reason == reason);
    CAPTURE(plan.hold.detail);
    CHECK(plan.hold.detail.find(figures) != std::string::npos);
}

}  // namespace

TEST_CASE("a settlement waits until both settlement.everyEpochs and settlement.minPayoutIOTX are reached") {
    PlanWorld world;
    world.owe(1, "a", wallet_number(1), kIotx).owe(2, "a", wallet_number(1), kIotx);
    world.limits.every_epochs = 3;
    expect_hold(world, HoldReason::too_few_epochs, "2 epochs wait, and settlement.everyEpochs is 3");

    world.owe(3, "a", wallet_number(1), kIotx);
    CHECK(world.plan().intents.size() == 1);
    world.limits.min_payout_rau = kIotx * 4;
    expect_hold(world, HoldReason::below_min_payout, "3 IOTX are owed, and settlement.minPayoutIOTX is 4 IOTX");

    // With an epoch named by the operator, the rules that wait for more do not apply.
    world.input.up_to_epoch = 1;
    CHECK(world.plan().value_rau == kIotx);
}

TEST_CASE("nothing is planned above the price cap, and a node's lower price is raised to the chain's minimum") {
    PlanWorld world;
    world.owe(1, "a", wallet_number(1), kIotx);
    world.input.gas_price = world.limits.max_gas_price;
    CHECK(world.plan().intents.size() == 1);
    world.input.gas_price += 1;
    expect_hold(world, HoldReason::gas_price,
                "gas costs 2000.000000001 Gwei, and settlement.maxGasPriceGwei is 2000 Gwei");

    world.input.gas_price = 0;
    CHECK(world.plan().intents.size() == 1);
    world.limits.max_gas_price = U256{999'000'000'000ULL};
    expect_hold(world, HoldReason::gas_price, "gas costs 1000 Gwei");
}

TEST_CASE("a settlement whose gas exceeds its share of the value waits for more payouts") {
    PlanWorld world;
    world.limits.max_gas_percent = 10;
    const U256 gas = U256{contracts::kMinGasPrice} * contracts::settle_epoch_gas(0, 1);
    world.owe(1, "a", wallet_number(1), gas * 10);
    CHECK(world.plan().intents.size() == 1);
    world.input.owed[0].amount_rau -= 1;
    expect_hold(world, HoldReason::gas_share, "settlement.maxGasPercent allows 10%");

    world.owe(2, "a", wallet_number(1), 1);
    CHECK(world.plan().intents.size() == 1);
}

TEST_CASE("value plus the highest possible gas cost stays within the limits and the balance, to the rau") {
    PlanWorld world;
    world.owe(1, "a", wallet_number(1), kIotx);
    const Plan plan = world.plan();
    const U256 most = plan.value_rau + plan.max_gas_rau;
    CHECK(plan.max_gas_rau == world.limits.max_gas_price * 135'000);

    world.limits.max_per_settlement_rau = most;
    CHECK(world.plan().intents.size() == 1);
    world.limits.max_per_settlement_rau = most - 1;
    expect_hold(world, HoldReason::over_settlement_limit, "settlement.maxPerSettlementIOTX is");
    world.limits.max_per_settlement_rau = most;

    world.input.spent_today_rau = 5;
    world.limits.max_per_day_rau = most + 5;
    CHECK(world.plan().intents.size() == 1);
    world.limits.max_per_day_rau = most + 4;
    expect_hold(world, HoldReason::over_day_limit, "settlement.maxPerDayIOTX is");
    world.limits.max_per_day_rau = most + 5;

    world.input.balance_rau = most;
    CHECK(world.plan().intents.size() == 1);
    world.input.balance_rau = most - 1;
    expect_hold(world, HoldReason::balance, "0xeeee");
}

TEST_CASE("limits that are not set hold every settlement") {
    PlanWorld world;
    world.owe(1, "a", wallet_number(1), kIotx);
    world.limits.max_per_settlement_rau = 0;
    CHECK(world.plan().hold.reason == HoldReason::over_settlement_limit);
}
