// SPDX-License-Identifier: Apache-2.0
#include "settlement/plan.hpp"

#include <algorithm>

#include "test/settlement/plan_world.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::settlement::test;

TEST_CASE("one epoch becomes one settleEpoch with the amounts as weights and their sum as value") {
    PlanWorld world;
    world.owe(36, "alice", wallet_number(2), kIotx * 3).owe(36, "bob", wallet_number(1), kIotx * 2 + 1);

    const Plan plan = world.plan();

    CHECK(plan.hold.reason == HoldReason::none);
    REQUIRE(plan.intents.size() == 1);
    const PlannedIntent& planned = plan.intents[0];
    CHECK(planned.intent.kind == IntentKind::settle);
    CHECK(planned.intent.pool_epoch == 370);
    CHECK(planned.intent.first_epoch == 36);
    CHECK(planned.intent.last_epoch == 36);
    CHECK(planned.intent.to == world.identity.contract);
    CHECK(planned.intent.value_rau == kIotx * 5 + 1);
    CHECK(planned.intent.gas_limit == 60'000 + 2 * 75'000);
    CHECK(planned.intent.payouts_hash == payouts_hash(planned.payouts));
    REQUIRE(planned.payouts.size() == 2);
    CHECK(planned.payouts[0].agent_id == "alice");
    CHECK(plan.value_rau == kIotx * 5 + 1);
    CHECK(plan.max_gas_rau == world.limits.max_gas_price * planned.intent.gas_limit);

    const SettleEpochRun run = run_settle_epoch(planned.intent);
    CHECK(run.epoch == 370);
    CHECK(run.credited.empty());
    CHECK(run.sent ==
          std::map<Address, U256>{{wallet_number(1), kIotx * 2 + 1}, {wallet_number(2), kIotx * 3}});
}

TEST_CASE("the entries of a call are sorted by wallet, and the same input gives the same bytes") {
    PlanWorld one;
    one.owe(1, "a", wallet_number(9), kIotx).owe(1, "b", wallet_number(3), kIotx);
    PlanWorld other;
    other.owe(1, "a", wallet_number(3), kIotx).owe(1, "b", wallet_number(9), kIotx);
    CHECK(one.plan().intents[0].intent.data == other.plan().intents[0].intent.data);
    CHECK(one.plan().intents[0].intent.payouts_hash != other.plan().intents[0].intent.payouts_hash);
}

TEST_CASE("agents that share a wallet get one entry, over several epochs too") {
    PlanWorld world;
    world.owe(1, "a", wallet_number(7), 10)
        .owe(1, "b", wallet_number(7), 20)
        .owe(2, "a", wallet_number(7), 30)
        .owe(2, "c", wallet_number(8), 5);
    const Plan plan = world.plan();
    REQUIRE(plan.intents.size() == 1);
    CHECK(plan.intents[0].payouts.size() == 4);
    CHECK(run_settle_epoch(plan.intents[0].intent).sent ==
          std::map<Address, U256>{{wallet_number(7), 60}, {wallet_number(8), 5}});
}

TEST_CASE("with settlement.push false, or after a refused push, a wallet is credited instead of paid") {
    PlanWorld world;
    world.owe(1, "a", wallet_number(1), 10).owe(1, "b", wallet_number(2), 20);
    world.input.push_failed.insert(wallet_number(2));
    const Plan mixed = world.plan();
    const SettleEpochRun run = run_settle_epoch(mixed.intents[0].intent);
    CHECK(run.sent == std::map<Address, U256>{{wallet_number(1), 10}});
    CHECK(run.credited == std::map<Address, U256>{{wallet_number(2), 20}});
    CHECK(mixed.intents[0].intent.gas_limit == 60'000 + 27'000 + 75'000);

    world.limits.push = false;
    CHECK(run_settle_epoch(world.plan().intents[0].intent).sent.empty());
}

TEST_CASE("payouts without a usable wallet stay owed") {
    PlanWorld world;
    world.owe(1, "a", wallet_number(1), 10)
        .owe(1, "b", std::nullopt, 20)
        .owe(1, "c", Address{}, 30)
        .owe(1, "d", world.identity.contract, 40);
    const Plan plan = world.plan();
    REQUIRE(plan.intents.size() == 1);
    CHECK(plan.intents[0].payouts.size() == 1);
    CHECK(plan.unpaid_without_wallet == 3);
    CHECK(plan.unpaid_without_wallet_rau == 90);

    world.input.owed.erase(world.input.owed.begin());
    const Plan none = world.plan();
    CHECK(none.intents.empty());
    CHECK(none.hold.reason == HoldReason::no_wallets);
}

TEST_CASE("with nothing owed, or only payouts of 0, there is neither a settlement nor a reason to wait") {
    PlanWorld world;
    CHECK(world.plan().hold.reason == HoldReason::none);
    world.owe(1, "a", wallet_number(1), 0);
    const Plan plan = world.plan();
    CHECK(plan.intents.empty());
    CHECK(plan.hold.reason == HoldReason::none);

    world.owe(2, "b", wallet_number(2), 7);
    const Plan with = world.plan();
    REQUIRE(with.intents.size() == 1);
    CHECK(with.intents[0].payouts.size() == 2);
    CHECK(run_settle_epoch(with.intents[0].intent).sent == std::map<Address, U256>{{wallet_number(2), 7}});
}

TEST_CASE("epochs below the first and above the requested one are left out") {
    PlanWorld world;
    world.identity.first_epoch = 5;
    world.owe(4, "a", wallet_number(1), 1).owe(5, "a", wallet_number(1), 2).owe(6, "a", wallet_number(1), 4);
    CHECK(world.plan().value_rau == 6);
    world.input.up_to_epoch = 5;
    CHECK(world.plan().value_rau == 2);
}

TEST_CASE("the id of a settlement is above the pool's lastEpoch and at most the ledger's last height") {
    PlanWorld world;
    world.owe(3, "a", wallet_number(1), 1);  // the epoch ends at block 40

    world.input.pool.last_epoch = 39;
    CHECK(world.plan().intents.at(0).intent.pool_epoch == 40);

    // A wallet was named late, and the pool has already settled a later epoch.
    world.input.pool.last_epoch = 40;
    world.input.ledger_height = 77;
    CHECK(world.plan().intents.at(0).intent.pool_epoch == 77);

    world.input.pool.last_epoch = 77;
    const Plan waits = world.plan();
    CHECK(waits.intents.empty());
    CHECK(waits.hold.reason == HoldReason::pool_epoch);
    CHECK(waits.hold.detail.find("lastEpoch is 77") != std::string::npos);
}

TEST_CASE("wallets that do not fit into one transaction are split over the ids before the newest block") {
    PlanWorld world;
    world.owe_many(3, 700);
    const Plan pushed = world.plan();
    REQUIRE(pushed.intents.size() == 3);
    std::size_t payouts = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(pushed.intents[i].intent.pool_epoch == 38 + i);
        CHECK(pushed.intents[i].intent.gas_limit <= world.limits.block_gas_limit);
        CHECK(pushed.intents[i].intent.data.size() <= contracts::kMaxCallData);
        payouts += pushed.intents[i].payouts.size();
    }
    CHECK(payouts == 700);
    CHECK(pushed.intents[0].payouts.size() == 332);

    world.limits.push = false;
    CHECK(world.plan().intents.size() == 1);
    world.input.owed.clear();
    world.owe_many(3, 924);
    CHECK(world.plan().intents.size() == 2);
}

TEST_CASE("a split uses only ids above the pool's lastEpoch, and no more than the blocks it covers") {
    PlanWorld world;
    world.owe_many(3, 700);  // three parts; blocks 31 to 40
    world.input.pool.last_epoch = 38;
    const Plan held = world.plan();
    CHECK(held.intents.empty());
    CHECK(held.hold.reason == HoldReason::too_large);
    CHECK(held.hold.detail.find("need 3 transactions, and 2 ids") != std::string::npos);

    world.input.pool.last_epoch = 37;
    CHECK(world.plan().intents.size() == 3);
    for (OwedPayout& payout : world.input.owed)
        payout.first_height = 39;  // leaves two blocks
    CHECK(world.plan().hold.reason == HoldReason::too_large);
}

TEST_CASE("when not everything fits, the oldest epochs that fit are paid first") {
    PlanWorld world;
    world.limits.block_gas_limit = 60'000 + 5 * 75'000;  // five wallets per transaction
    for (std::uint64_t epoch = 1; epoch <= 20; ++epoch) {
        for (std::uint64_t i = 0; i < 20; ++i)
            world.owe(epoch, std::to_string(10 + i), wallet_number(100 * epoch + i), 1);
    }
    const Plan plan = world.plan();
    CHECK(plan.hold.reason == HoldReason::none);
    REQUIRE(plan.intents.size() == 32);
    CHECK(plan.value_rau == 160);
    CHECK(plan.intents.back().intent.pool_epoch == 90);
    for (const PlannedIntent& planned : plan.intents)
        CHECK(planned.intent.last_epoch <= 8);
}

TEST_CASE("an amount that no contract can hold is an error and not a reason to wait") {
    PlanWorld world;
    world.owe(1, "a", wallet_number(1), U256{1} << 88);
    world.input.identity = &world.identity;
    world.input.limits = &world.limits;
    auto plan = make_plan(world.input);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code == ErrorCode::invalid_argument);
    CHECK(plan.error().which.find("agent a") != std::string::npos);

    // Two amounts of one wallet that fit separately but not together.
    world.input.owed[0].amount_rau = (U256{1} << 87) + 1;
    world.owe(1, "b", wallet_number(1), U256{1} << 87);
    plan = make_plan(world.input);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code == ErrorCode::invalid_argument);
}
