// SPDX-License-Identifier: Apache-2.0
// Settlements that fail on chain, refused payments, and the operator's orders.
#include <catch2/catch.hpp>

#include "contracts/reward_pool.hpp"
#include "core/crypto/eth_tx.hpp"
#include "settlement/view.hpp"
#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;
using State = SettlerStep::State;

namespace {

void set_chain_price(SettlerWorld& world, std::uint64_t gwei) {
    world.chain.set_rules([gwei](FakeChainRules& rules) { rules.base_fee = U256(gwei) * 1'000'000'000; });
}

}  // namespace

TEST_CASE("a settlement that reverts on chain is planned again and paid once") {
    SettlerWorld world(GENERATE(Version::v2, Version::v3));
    world.owe(1, 'a', 10);
    world.pool_world->fail_when_mined = true;
    world.wait(world.steps());
    CHECK(world.steps().state == State::waiting);
    world.pool_world->fail_when_mined = false;
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).state == IntentState::final_reverted);
    CHECK(world.intent(1).reason.find("refused") != std::string::npos);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
    CHECK(world.pool().deposited() == world.iotx(10));
}

TEST_CASE("a revert counts only after its confirmations, even if two endpoints report it") {
    SettlerWorld world(Version::v3, 2);
    world.owe(1, 'a', 10);
    world.pool_world->fail_when_mined = true;
    world.wait(world.steps());
    CHECK(world.steps().state == State::waiting);
    CHECK(world.intent(1).state == IntentState::mined);
    // The block is taken back, and the call succeeds in the next block.
    world.pool_world->fail_when_mined = false;
    world.chain.reorganise(1, FakeReorg::pooled);
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).state == IntentState::final_ok);
    CHECK(world.mined() == 1);
}

TEST_CASE("after three reverted settlements the settler halts, and an operator may let it try again") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.pool_world->fail_when_mined = true;
    CHECK(world.run(100).state == State::halted);
    CHECK(world.store->halt()->reason == HaltReason::reverted);
    CHECK(world.mined() == 3);
    CHECK(world.store->covered(0)->empty());
    world.pool_world->fail_when_mined = false;
    REQUIRE(world.settler->resume().has_value());
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("a settlement that ran out of gas is planned again with more") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.pool_world->extra_gas = 150'000;
    CHECK(world.run(100).state == State::idle);
    const auto rows = world.store->intents(1, 10);
    REQUIRE(rows->size() >= 2);
    CHECK((*rows)[0].state == IntentState::final_reverted);
    CHECK((*rows)[0].reason == "out of gas");
    CHECK((*rows)[1].gas_limit == (*rows)[0].gas_limit + (*rows)[0].gas_limit / 2);
    CHECK(rows->back().state == IntentState::final_ok);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("a settlement that ran out of gas at the block's limit is split") {
    SettlerWorld world;
    world.settings.limits.block_gas_limit = 420'000;
    world.chain.set_rules([](FakeChainRules& rules) { rules.block_gas_limit = 420'000; });
    world.restart();
    // Four refused payments need more gas than a block has.
    for (char agent = 'a'; agent < 'e'; ++agent) {
        world.owe(1, agent, 10);
        world.pool_world->refusing.insert(world.wallet_of(agent));
    }
    CHECK(world.run(100).state == State::idle);
    CHECK(world.store->intents(1, 10)->front().reason == "out of gas");
    for (char agent = 'a'; agent < 'e'; ++agent)
        CHECK(world.pool().claimable(world.wallet_of(agent)) == world.iotx(10));
}

TEST_CASE("gas is not raised above a limit") {
    SettlerWorld world;
    world.settings.limits.max_per_settlement_rau =
        world.iotx(10) + U256(140'000) * world.settings.limits.max_gas_price;
    world.restart();
    world.owe(1, 'a', 10);
    world.pool_world->extra_gas = 1'000'000;
    const SettlerStep step = world.run(100);
    CHECK(step.state == State::held);
    CHECK(step.hold.reason == HoldReason::over_settlement_limit);
    CHECK(world.mined() == 1);
}

TEST_CASE("a wallet that refused a payment is credited from then on") {
    SettlerWorld world;
    world.pool_world->refusing.insert(world.wallet_of('b'));
    world.owe(1, 'a', 10);
    world.owe(1, 'b', 5);
    CHECK(world.run().state == State::idle);
    CHECK(world.pool().claimable(world.wallet_of('b')) == world.iotx(5));
    CHECK(world.store->push_failed() == std::set<Address>{world.wallet_of('b')});
    world.pool_world->refusing.clear();
    world.owe(2, 'a', 1);
    world.owe(2, 'b', 1);
    CHECK(world.run().state == State::idle);
    CHECK(world.pool().claimable(world.wallet_of('b')) == world.iotx(6));
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(11));
    CHECK(world.chain.balance(world.wallet_of('b')) == 0);
    const auto shown = SettlementView::open(world.dir.path()).value()->payouts(1, 2);
    REQUIRE(shown->size() == 4);
    for (const PayoutState& one : *shown)
        CHECK(one.credited == (one.payout.agent_id == "b"));
}

TEST_CASE(
    "given settlement.push false, when a settlement is final, then its payouts count as credited, not paid") {
    for (const Version version : {Version::v2, Version::v3}) {
        SettlerWorld world(version);
        world.settings.limits.push = false;
        world.restart();
        world.owe(1, 'a', 10);
        world.owe(1, 'b', 0);
        CHECK(world.run().state == State::idle);
        CHECK(world.pool().claimable(world.wallet_of('a')) == world.iotx(10));
        CHECK(only_credits(world.intent(world.store->newest_intent().value())));
        const auto shown = SettlementView::open(world.dir.path()).value()->payouts(1, 1);
        REQUIRE(shown->size() == 2);
        CHECK(shown->front().credited);
        CHECK_FALSE(shown->back().credited);  // there is nothing to claim

        world.settings.limits.push = true;
        world.restart();
        world.owe(2, 'a', 1);
        CHECK(world.run().state == State::idle);
        CHECK_FALSE(SettlementView::open(world.dir.path()).value()->payouts(2, 2)->front().credited);
    }
}

TEST_CASE("given credited payouts, when a later settlement pushes, then they are paid only on version 2") {
    for (const Version version : {Version::v2, Version::v3}) {
        SettlerWorld world(version);
        world.settings.limits.push = false;
        world.restart();
        for (const char agent : {'a', 'b', 'c'})
            world.owe(1, agent, 10);
        CHECK(world.run().state == State::idle);
        const auto view = SettlementView::open(world.dir.path()).value();
        CHECK(view->payouts(1, 1)->front().credited);

        // b does not work in the next epoch, and c refuses its money.
        world.settings.limits.push = true;
        world.restart();
        world.pool_world->refusing.insert(world.wallet_of('c'));
        world.owe(2, 'a', 1);
        world.owe(2, 'c', 1);
        CHECK(world.run().state == State::idle);
        const auto shown = view->payouts(1, 2);
        REQUIRE(shown->size() == 5);
        // Then: what is called credited is what the contract keeps for each wallet
        std::map<Address, U256> credited;
        for (const PayoutState& one : *shown)
            credited[one.payout.wallet] += one.credited ? one.payout.amount_rau : U256(0);
        for (const auto& [wallet, amount] : credited) {
            CAPTURE(static_cast<int>(version), to_hex0x(wallet.view()));
            CHECK(to_decimal(amount) == to_decimal(world.pool().claimable(wallet)));
        }
        const bool is_v2 = version == Version::v2;
        CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(is_v2 ? 11 : 1));
        CHECK(shown->front().credited == !is_v2);
    }
}

TEST_CASE("version 2's value is not sent while the weights on chain differ from those sent") {
    SettlerWorld world(Version::v2);
    world.owe(1, 'a', 10);
    world.before = [](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        const std::string agents = to_hex(contracts::agents_call(SettlerWorld::wallet_of('a')));
        if (call.method != "eth_call" || call.params.find(agents) == std::string::npos) return std::nullopt;
        RpcReply reply;
        reply.kind = RpcReply::Kind::text;
        reply.value = "0x" + std::string(192, '0');
        return Result<RpcReply>(reply);
    };
    const SettlerStep step = world.run();
    CHECK(step.state == State::held);
    CHECK(step.hold.reason == HoldReason::pool_weights);
    CHECK(world.mined() == 1);
    CHECK(world.intent(2).state == IntentState::planned);
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("an event with another amount halts the settler") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.after = [](std::size_t, const RpcCall& call, Result<RpcReply> reply) -> Result<RpcReply> {
        if (call.method != "eth_getTransactionReceipt" || reply->kind != RpcReply::Kind::json) return reply;
        const std::string amount = to_hex(to_word(SettlerWorld::iotx(10)).view());
        for (auto at = reply->value.find(amount); at != std::string::npos;
             at = reply->value.find(amount, at + 1))
            reply->value[at + 63] = '7';
        return reply;
    };
    CHECK(world.run().state == State::halted);
    CHECK(world.store->halt()->reason == HaltReason::wrong_amount);
    CHECK(world.intent(1).state == IntentState::final_ok);
}

TEST_CASE("the operator may raise the price of a transaction that is not mined") {
    SettlerWorld world;
    CHECK(world.settler->unstick(Settler::Unstick::raise_price, world.iotx(1)).error().code ==
          ErrorCode::failed_precondition);
    world.owe(1, 'a', 10);
    static_cast<void>(world.steps());
    set_chain_price(world, 1'200);
    REQUIRE(
        world.settler->unstick(Settler::Unstick::raise_price, world.settings.limits.max_gas_price).has_value());
    static_cast<void>(world.steps());
    CHECK(world.store->attempts(1)->size() == 2);
    CHECK(world.store->attempts(1)->back().sends == 1);
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).gas_price == U256(1'200) * 1'000'000'000);
    CHECK(world.mined() == 1);
}

TEST_CASE("an empty transaction with the same nonce frees it, and the payouts are owed again") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    static_cast<void>(world.steps());
    world.chain.forget_pool();
    REQUIRE(world.settler->unstick(Settler::Unstick::replace_by_empty, world.settings.limits.max_gas_price)
                .has_value());
    CHECK(world.intent(1).state == IntentState::cancelling);
    static_cast<void>(world.steps());
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).state == IntentState::cancelled);
    CHECK(world.intent(2).nonce == 1U);
    CHECK(world.mined() == 2);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("the payment may be mined instead of the empty transaction that should replace it") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    static_cast<void>(world.steps());
    world.chain.mine();
    REQUIRE(world.settler->unstick(Settler::Unstick::replace_by_empty, world.settings.limits.max_gas_price)
                .has_value());
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).state == IntentState::final_ok);
    CHECK(world.mined() == 1);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("a halted settler accepts only the order to resume") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    static_cast<void>(world.steps());
    REQUIRE(world.store->set_halt({HaltReason::audit_failed, "for the test", 1}).has_value());
    CHECK(world.settler->unstick(Settler::Unstick::raise_price, world.iotx(1)).error().code ==
          ErrorCode::failed_precondition);
    const int sent = world.sends();
    world.chain.mine(20);
    CHECK(world.steps().state == State::halted);
    CHECK(world.sends() == sent);
    REQUIRE(world.settler->resume().has_value());
    CHECK(world.run().state == State::idle);
    CHECK(world.mined() == 1);
}

TEST_CASE("a dry run prints the plan and writes nothing") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    const auto plan = world.settler->dry_run();
    REQUIRE(plan.has_value());
    CHECK(plan->intents.size() == 1);
    CHECK(plan->value_rau == world.iotx(10));
    CHECK(world.store->intents(1, 10)->empty());
}
