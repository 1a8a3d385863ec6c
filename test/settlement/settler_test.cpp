// SPDX-License-Identifier: Apache-2.0
// The settler's normal course, from an owed payout to a paid one.
#include "settlement/settler.hpp"

#include <catch2/catch.hpp>

#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;
using State = SettlerStep::State;

TEST_CASE("with nothing owed the settler is idle") {
    SettlerWorld world;
    CHECK(world.steps().state == State::idle);
    CHECK(world.sends() == 0);
}

TEST_CASE("owed payouts are pushed to each wallet in one transaction, once") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.owe(1, 'b', 5);
    world.owe(2, 'a', 7);
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(17));
    CHECK(world.chain.balance(world.wallet_of('b')) == world.iotx(5));
    CHECK(world.mined() == 1);
    CHECK(world.pool().settled().at(20) == world.iotx(22));
    const IntentRow paid = world.intent(1);
    CHECK(paid.state == IntentState::final_ok);
    const U256 spent = world.iotx(22) + U256(paid.gas_used) * paid.gas_price;
    CHECK(world.chain.balance(world.key.address()) == world.iotx(1'000'000) - spent);
    CHECK(world.store->spent_today(1'767'225'600'000) == spent);

    world.owe(3, 'b', 1);
    CHECK(world.run().state == State::idle);
    CHECK(world.mined() == 2);
    CHECK(world.chain.balance(world.wallet_of('b')) == world.iotx(6));
}

TEST_CASE("with one endpoint a payment is final after six blocks") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    CHECK(world.intent(1).state == IntentState::pooled);
    world.chain.mine();
    CHECK(world.steps().state == State::waiting);
    CHECK(world.intent(1).state == IntentState::mined);
    world.chain.mine(5);
    CHECK(world.steps().state == State::waiting);
    CHECK(world.intent(1).state == IntentState::mined);
    world.chain.mine();
    CHECK(world.steps().state == State::idle);
    CHECK(world.intent(1).state == IntentState::final_ok);
}

TEST_CASE("with the same receipt from two endpoints a payment is final at once") {
    SettlerWorld world(Version::v3, 2);
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.chain.mine();
    CHECK(world.steps().state == State::idle);
    CHECK(world.intent(1).state == IntentState::final_ok);
}

TEST_CASE("on nodes without receipts by hash the blocks are read") {
    SettlerWorld world;
    world.chain.set_rules([](FakeChainRules& rules) { rules.gateway = false; });
    world.owe(1, 'a', 10);
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).state == IntentState::final_ok);
}

TEST_CASE("a version 2 pool is paid in two steps, the value after the weights were read back") {
    SettlerWorld world(GENERATE(Version::v2, Version::v2_damaged));
    world.owe(1, 'a', 10);
    world.owe(1, 'b', 5);
    CHECK(world.run().state == State::idle);
    CHECK(world.mined() == 2);
    CHECK(world.intent(1).kind == IntentKind::weights);
    CHECK(world.intent(2).kind == IntentKind::value);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
    // The next settlement removes the weight of wallets that are not paid any more.
    world.owe(2, 'b', 3);
    CHECK(world.run().state == State::idle);
    CHECK(world.mined() == 4);
    CHECK(world.pool().weight(world.wallet_of('a')) == 0);
    CHECK(world.chain.balance(world.wallet_of('b')) == world.iotx(8));
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("an intent replaced by an empty transaction is cancelled, and the next intent pays its payouts") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    REQUIRE(world.settler->unstick(Settler::Unstick::replace_by_empty, world.settings.limits.max_gas_price));
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).state == IntentState::cancelled);
    CHECK(world.intent(2).state == IntentState::final_ok);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}
