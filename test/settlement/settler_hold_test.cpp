// SPDX-License-Identifier: Apache-2.0
// Reasons that keep the settler from signing, temporarily or until an operator acts.
#include <catch2/catch.hpp>

#include "core/sqlite/sqlite.hpp"
#include "settlement/view.hpp"
#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;
using State = SettlerStep::State;

namespace {

/// Checks that nothing was signed and that the reason is shown.
void check_held(SettlerWorld& world, HoldReason reason) {
    const SettlerStep step = world.steps();
    CHECK(step.state == State::held);
    CHECK(to_string(step.hold.reason) == std::string(to_string(reason)));
    CHECK_FALSE(step.hold.detail.empty());
    CHECK(world.store->intents(1, 10)->empty());
    CHECK(world.sends() == 0);
    CHECK(SettlementView::open(world.dir.path()).value()->summary()->hold.reason == reason);
}

/// A ledger that has every epoch from `oldest` on.
class DroppingLedger final : public PayoutSource {
  public:
    explicit DroppingLedger(PayoutSource& rows) : rows_(rows) {}
    Result<LedgerFacts> read(std::uint64_t first_epoch) override { return rows_.read(first_epoch); }
    Result<std::vector<std::optional<U256>>> amounts(
        std::span<const std::pair<std::uint64_t, std::string>> payouts) override {
        return rows_.amounts(payouts);
    }
    Result<std::uint64_t> oldest_epoch() override { return oldest; }

    std::uint64_t oldest = 0;

  private:
    PayoutSource& rows_;
};

}  // namespace

TEST_CASE("a call that the contract would refuse is not signed, and is paid when it would succeed") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.pool_world->paused = true;
    check_held(world, HoldReason::simulation);
    world.pool_world->paused = false;
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("a contract with another coordinator is not settled") {
    SettlerWorld world;
    world.chain.put_contract(world.contract, std::make_shared<FakeRewardPool>(Version::v3, world.contract,
                                                                              filled_with<Address>(0xdd)));
    world.owe(1, 'a', 10);
    check_held(world, HoldReason::simulation);
}

TEST_CASE("the settler waits while the price is above the cap or absurd, or the balance is too small") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    SECTION("the chain's price is above the cap") {
        world.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = U256(2'001) * 1'000'000'000; });
        check_held(world, HoldReason::gas_price);
    }
    SECTION("the node suggests an absurd price") {
        world.chain.set_rules(
            [](FakeChainRules& rules) { rules.suggested_price = "\"0x" + std::string(64, 'f') + "\""; });
        check_held(world, HoldReason::gas_price);
    }
    SECTION("the wallet is empty") {
        world.chain.fund(world.key.address(), U256(0) - world.iotx(999'999));
        check_held(world, HoldReason::balance);
        world.chain.fund(world.key.address(), world.iotx(1'000));
        CHECK(world.run().state == State::idle);
        CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
    }
}

TEST_CASE("a limit on money delays the settlement, and the payout stays owed") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    SECTION("the limit per settlement") {
        world.settings.limits.max_per_settlement_rau = world.iotx(10);
        world.restart();
        check_held(world, HoldReason::over_settlement_limit);
    }
    SECTION("the limit per day") {
        world.settings.limits.max_per_day_rau = world.iotx(15);
        world.restart();
        CHECK(world.run().state == State::idle);
        world.owe(2, 'a', 10);
        const SettlerStep step = world.steps();
        CHECK(step.state == State::held);
        CHECK(step.hold.reason == HoldReason::over_day_limit);
        world.clock.advance(std::chrono::hours(24));
        CHECK(world.run().state == State::idle);
        CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(20));
    }
}

TEST_CASE("an endpoint of another chain ends the step before anything is signed") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.chain.set_rules([](FakeChainRules& rules) { rules.chain_id = 4689; });
    const auto step = world.settler->step();
    REQUIRE_FALSE(step.has_value());
    CHECK(step.error().code == ErrorCode::config);
    CHECK(world.sends() == 0);
}

TEST_CASE("a ledger of another chain, and another wallet's key, are refused") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    SECTION("the ledger is of another chain") {
        world.ledger.chain = ChainIdentity{4689, std::nullopt};
    }
    SECTION("the key is another wallet's") {
        world.signer = std::make_unique<SettlementSigner>(contracts::key_from_hex(std::string(64, '8')).value(),
                                                          world.identity, world.settings.limits);
        world.settler = std::make_unique<Settler>(*world.store, world.ledger, *world.client, *world.signer,
                                                  world.settings, world.clock, Log());
    }
    auto step = world.settler->step();
    if (step) step = world.settler->step();
    REQUIRE_FALSE(step.has_value());
    CHECK(step.error().code == ErrorCode::config);
    CHECK(world.sends() == 0);
}

TEST_CASE("an older copy of the ledger, or another amount in it, halts the settler") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.owe(2, 'a', 10);
    CHECK(world.run().state == State::idle);
    SECTION("the newest epoch is missing") {
        world.ledger.rows.erase({2, "a"});
        world.ledger.next_epoch = 2;
    }
    SECTION("an amount differs") {
        world.ledger.owe(2, "a", world.iotx(11), world.wallet_of('a'));
    }
    world.ledger.owe(1, "b", world.iotx(1), world.wallet_of('b'));
    world.restart();
    CHECK(world.steps().state == State::halted);
    CHECK(world.store->halt()->reason == HaltReason::ledger_differs);
    CHECK(world.mined() == 1);
}

TEST_CASE("paid epochs that the ledger dropped while an older one is owed are not a difference") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.ledger.owe(1, "c", world.iotx(1), std::nullopt);
    world.owe(2, 'a', 10);
    world.owe(3, 'a', 10);
    CHECK(world.run().hold.reason == HoldReason::no_wallets);
    world.ledger.rows.erase({2, "a"});
    DroppingLedger ledger(world.ledger);
    const auto settler_begins = [&](std::uint64_t oldest) {
        ledger.oldest = oldest;
        Settler settler(*world.store, ledger, *world.client, *world.signer, world.settings, world.clock, Log());
        return settler.step();
    };
    CHECK(settler_begins(3)->hold.reason == HoldReason::no_wallets);
    CHECK(world.store->halt()->reason == HaltReason::none);
    CHECK(settler_begins(2)->state == State::halted);
}

TEST_CASE("signed bytes that were altered in the file are not sent") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.settler.reset();
    world.store.reset();
    auto database =
        sqlite::Database::open(world.dir.path("settlement.db"), sqlite::Database::Mode::read_write, "f");
    REQUIRE(database->execute("UPDATE attempt SET raw = zeroblob(9)").has_value());
    database = fail(ErrorCode::internal, "closed");
    const auto opened = SettlementStore::open(world.dir.path());
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == ErrorCode::data_loss);
    // Without that check, the settler finds it before it sends.
    world.restart(SettlementStore::FileCheck::schema);
    const auto step = world.settler->step();
    REQUIRE_FALSE(step.has_value());
    CHECK(step.error().code == ErrorCode::data_loss);
}

TEST_CASE(
    "given an endpoint that claims an absurd height, when the logs of a version 2 pool are read, "
    "then the step ends and says why") {
    SettlerWorld world(Version::v2);
    world.owe(1, 'a', 10);
    world.before = [](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_blockNumber") return std::nullopt;
        RpcReply far;
        far.kind = RpcReply::Kind::text;
        far.value = "0xffffffffffff";
        return Result<RpcReply>(far);
    };
    const SettlerStep step = world.steps();
    CHECK(step.hold.reason == HoldReason::endpoint);
    CHECK_THAT(step.hold.detail, Catch::Matchers::Contains("absurd"));
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
}

TEST_CASE(
    "given many blocks to read for a transaction, when a step reads some of them, then the reason is shown") {
    SettlerWorld world;
    world.chain.set_rules([](FakeChainRules& rules) { rules.gateway = false; });
    world.owe(1, 'a', 10);
    REQUIRE(world.steps().state == State::waiting);
    world.chain.forget_pool();
    world.chain.mine(600);
    CHECK(world.step().state == State::again);
    const auto hold = SettlementView::open(world.dir.path()).value()->summary()->hold;
    CHECK(hold.reason == HoldReason::endpoint);
    CHECK_THAT(hold.detail, Catch::Matchers::Contains("nonce 0"));
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE(
    "given no new block for minutes, when a payment waits to be mined or to be final, then the reason is "
    "shown") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    const bool is_mined = GENERATE(false, true);
    CAPTURE(is_mined);
    REQUIRE(world.steps().state == State::waiting);
    if (is_mined) world.chain.mine();
    CHECK(world.steps().hold.reason == HoldReason::none);
    world.clock.advance(std::chrono::minutes(6));
    const SettlerStep step = world.steps();
    CHECK(step.hold.reason == HoldReason::endpoint);
    CHECK_THAT(step.hold.detail, Catch::Matchers::Contains("no block above"));
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE(
    "given an endpoint that shows a receipt and not its block, when finality is judged, then the reason is "
    "shown") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    REQUIRE(world.steps().state == State::waiting);
    world.chain.mine(8);
    world.before = [](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_getBlockByNumber") return std::nullopt;
        return Result<RpcReply>(fail(ErrorCode::timed_out, "cannot ask", {}, "the block does not come"));
    };
    const SettlerStep step = world.steps();
    CHECK(step.state == State::waiting);
    CHECK(step.hold.reason == HoldReason::endpoint);
    CHECK_THAT(step.hold.detail, Catch::Matchers::Contains("the block does not come"));
    world.before = nullptr;
    CHECK(world.run().state == State::idle);
}

TEST_CASE(
    "given an agent whose wallet is the contract, when it names another one, then that one is paid, once") {
    for (const Version version : {Version::v2, Version::v3}) {
        SettlerWorld world(version);
        world.owe(1, 'a', 10);
        world.ledger.owe(1, "b", world.iotx(5), world.contract);
        world.ledger.present["b"] = world.contract;
        CHECK(world.run().state == State::held);
        CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
        const Hold hold = SettlementView::open(world.dir.path()).value()->summary()->hold;
        CHECK(hold.reason == HoldReason::no_wallets);
        CHECK(hold.detail.find("agent b named " + to_hex0x(world.contract.view()) +
                               " as its wallet, which is the reward contract itself") != std::string::npos);
        // It stays owed, and keeps nobody else's money back.
        world.owe(2, 'a', 1);
        static_cast<void>(world.run());
        CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(11));

        world.ledger.present["b"] = world.wallet_of('b');
        world.owe(3, 'a', 1);
        CHECK(world.run().state == State::idle);
        CHECK(world.chain.balance(world.wallet_of('b')) == world.iotx(5));
        world.restart();
        CHECK(world.run().state == State::idle);
        CHECK(world.chain.balance(world.wallet_of('b')) == world.iotx(5));
    }
}

TEST_CASE("a dry run leaves the money of the settlement that is under way out of what can still be spent") {
    SettlerWorld world(Version::v2);
    world.owe(1, 'a', 10);
    world.settings.limits.max_per_day_rau =
        world.iotx(15) + U256(1'000'000) * world.settings.limits.max_gas_price;
    world.restart();
    static_cast<void>(world.steps());  // the weights are sent, and the payment waits for them
    REQUIRE(world.store->live_intent()->has_value());
    world.owe(2, 'a', 10);
    const auto plan = world.settler->dry_run();
    REQUIRE(plan);
    CHECK(plan->hold.reason == HoldReason::over_day_limit);
}
