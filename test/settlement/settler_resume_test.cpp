// SPDX-License-Identifier: Apache-2.0
// Somebody else uses the settling key, from a copy of the data directory or with another program: the settler
// halts, and an operator resumes.
#include <catch2/catch.hpp>

#include "contracts/reward_pool.hpp"
#include "core/crypto/eth_tx.hpp"
#include "settlement/audit.hpp"
#include "settlement/view.hpp"
#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;
using State = SettlerStep::State;

namespace {

/// Blocks on top of a foreign transaction that resume demands.
constexpr std::uint64_t kDeep = 6;

/// Sends a transaction with the settler's key that the settler does not know.
void send_foreign(SettlerWorld& world, std::uint64_t nonce, std::uint64_t gwei = 1'000,
                  const Address& to = filled_with<Address>(0xee), const U256& value = 0, Bytes data = {}) {
    EthTx tx;
    tx.chain_id = 4690;
    tx.nonce = nonce;
    tx.gas_price = U256(gwei) * 1'000'000'000;
    tx.gas_limit = data.empty() ? 21'000 : 1'000'000;
    tx.to = to;
    tx.value = value;
    tx.data = std::move(data);
    const RawEthTx raw = sign_transaction(tx, world.key);
    static_cast<void>(
        world.chain.answer(R"({"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":[")" +
                           to_hex0x(raw.raw) + "\"]}"));
}

}  // namespace

TEST_CASE("another transaction of the wallet halts the settler before signing, until an operator resumes") {
    SettlerWorld world;
    send_foreign(world, 0);
    world.chain.mine();
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::halted);
    CHECK(world.store->halt()->reason == HaltReason::foreign_transaction);
    CHECK(world.sends() == 0);
    world.chain.mine(10);
    CHECK(world.steps().state == State::halted);
    world.restart();
    CHECK(world.steps().state == State::halted);
    CHECK(world.sends() == 0);

    REQUIRE(world.settler->resume().has_value());
    CHECK(world.settler->resume().error().code == ErrorCode::failed_precondition);
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(1).nonce == 1U);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
    CHECK(SettlementView::open(world.dir.path()).value()->summary()->foreign_nonces == 1);
}

TEST_CASE("a foreign transaction with a payment's nonce halts, and resuming pays under another nonce") {
    SettlerWorld world(Version::v3, GENERATE(std::size_t{1}, std::size_t{2}));
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.chain.forget_pool();
    send_foreign(world, 0);
    CHECK(world.run().state == State::halted);
    CHECK(world.store->halt()->reason == HaltReason::foreign_transaction);
    CHECK(world.chain.balance(world.wallet_of('a')) == 0);
    REQUIRE(world.settler->resume().has_value());
    CHECK(world.intent(1).state == IntentState::cancelled);
    CHECK(world.run().state == State::idle);
    CHECK(world.intent(2).nonce == 1U);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

/// What a copy of the data directory would send: 10 IOTX for wallet a, as settlement of the first epoch.
void settle_from_a_copy(SettlerWorld& world, std::uint64_t nonce, std::uint64_t id) {
    const Address wallet = world.wallet_of('a');
    const U256 value = world.iotx(10);
    const std::vector<Address> wallets{wallet};
    const std::vector<U256> weights{value};
    const std::vector<Hash256> entries{contracts::entry_word({wallet, value, true}).value()};
    Bytes call = world.identity.pool == PoolVersion::v3
                     ? contracts::settle_epoch_call(id, entries)
                     : contracts::deposit_settle_and_claim_call(wallets, weights, wallets);
    send_foreign(world, nonce, 1'000, world.contract, value, std::move(call));
    world.chain.mine();
    REQUIRE(world.chain.nonce(world.key.address()) == nonce + 1);
}

TEST_CASE("resume does not pay again what a copy of the data directory has paid, and says how to continue") {
    SettlerWorld world(GENERATE(Version::v3, Version::v2));
    world.owe(1, 'a', 10);
    world.owe(2, 'a', 5);
    CHECK(world.steps().state == State::waiting);
    world.chain.forget_pool();
    settle_from_a_copy(world, 0, 10);
    CHECK(world.run().state == State::halted);
    CHECK(world.store->halt()->reason == HaltReason::foreign_transaction);
    const Status refused = world.settler->resume();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::failed_precondition);
    CHECK_THAT(refused.error().why, Catch::Matchers::Contains("copy of this data directory"));
    CHECK_THAT(refused.error().hint, Catch::Matchers::Contains("ioswarm settle init --"));
    world.restart();
    CHECK(world.run().state == State::halted);
    CHECK(world.chain.nonce(world.key.address()) == 1);
}

TEST_CASE("a copy that settled the id in progress halts the settler, and resume says how to continue") {
    SettlerWorld world(Version::v3, GENERATE(std::size_t{1}, std::size_t{2}));
    world.owe(1, 'a', 10);
    CHECK(world.steps().state == State::waiting);
    world.chain.forget_pool();
    settle_from_a_copy(world, 0, 10);
    CHECK(world.run().state == State::halted);
    CHECK(world.store->halt()->reason == HaltReason::foreign_transaction);
    const Status refused = world.settler->resume();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().hint, Catch::Matchers::Contains("ioswarm settle init --rebuild"));
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("version 2: a foreign transaction before the first settlement can be skipped") {
    SettlerWorld world(Version::v2);
    send_foreign(world, 0);
    world.chain.mine();
    world.owe(1, 'a', 10);
    CHECK(world.run().state == State::halted);
    world.chain.mine(kDeep);
    REQUIRE(world.settler->resume().has_value());
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("version 2: a settlement from elsewhere before the first own one is not paid again") {
    SettlerWorld world(Version::v2);
    settle_from_a_copy(world, 0, 10);
    world.owe(1, 'a', 10);
    CHECK(world.run().state == State::halted);
    world.chain.mine(kDeep);
    const Status refused = world.settler->resume();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().hint, Catch::Matchers::Contains("--from-epoch"));
    CHECK(world.pool().deposited() == world.iotx(10));
}

TEST_CASE("version 2: resume is refused when only one of two endpoints shows the settlement from elsewhere") {
    SettlerWorld world(Version::v2, 2);
    const std::size_t without_logs = GENERATE(std::size_t{0}, std::size_t{1});
    settle_from_a_copy(world, 0, 10);
    world.owe(1, 'a', 10);
    CHECK(world.run().state == State::halted);
    world.chain.mine(kDeep);
    world.before = [=](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (endpoint != without_logs || call.method != "eth_getLogs") return std::nullopt;
        RpcReply nothing;
        nothing.kind = RpcReply::Kind::json;
        nothing.value = "[]";
        return Result<RpcReply>(nothing);
    };
    const Status refused = world.settler->resume();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().hint, Catch::Matchers::Contains("--from-epoch"));
    CHECK(world.pool().deposited() == world.iotx(10));
}

TEST_CASE("an older copy of settlement.db whose transaction failed, and was paid by a later one, halts") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.pool_world->fail_when_mined = true;
    CHECK(world.steps().state == State::waiting);
    world.chain.mine();
    world.pool_world->fail_when_mined = false;
    settle_from_a_copy(world, 1, 10);
    CHECK(world.run().state == State::halted);
    CHECK(world.store->halt()->reason == HaltReason::foreign_transaction);
    world.chain.mine(kDeep);
    const Status refused = world.settler->resume();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::failed_precondition);
    CHECK_THAT(refused.error().hint, Catch::Matchers::Contains("ioswarm settle init --rebuild"));
    CHECK(world.run().state == State::halted);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("a settlement from elsewhere while none is in progress is not paid again either") {
    SettlerWorld world;
    world.owe(1, 'b', 7);
    CHECK(world.run().state == State::idle);
    settle_from_a_copy(world, 1, 20);
    world.owe(2, 'a', 10);
    world.owe(3, 'b', 1);
    CHECK(world.steps().state == State::halted);
    CHECK_FALSE(world.settler->resume());
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
    const auto view = SettlementView::open(world.dir.path()).value();
    const auto report = settlement::audit(*view, world.ledger, world.client.get(), world.settings.limits);
    REQUIRE(report);
    CHECK_FALSE(report->holds());
    CHECK(std::ranges::any_of(report->findings, [](const settlement::AuditFinding& one) {
        return one.invariant == "I1" && one.text.find("has settled id 20") != std::string::npos;
    }));
}

TEST_CASE(
    "given a foreign transaction in a new block, when an operator resumes, then it is refused until it is "
    "deep") {
    SettlerWorld world(Version::v3, GENERATE(std::size_t{1}, std::size_t{2}));
    world.owe(1, 'a', 10);
    send_foreign(world, 0);
    world.chain.mine();
    REQUIRE(world.run().state == State::halted);
    for (std::uint64_t on_top = 0; on_top < kDeep; ++on_top) {
        const Status refused = world.settler->resume();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::try_again);
        CHECK_THAT(refused.error().why,
                   Catch::Matchers::Contains(std::to_string(on_top) + " of 6 blocks are on top"));
        CHECK(world.store->halt()->reason == HaltReason::foreign_transaction);
        world.chain.mine();
    }
    CHECK(world.settler->resume().has_value());
}

TEST_CASE(
    "given a payment's nonce was used by others, when a reorganisation moves that into a new block, "
    "then resume is refused") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    REQUIRE(world.steps().state == State::waiting);
    world.chain.forget_pool();
    send_foreign(world, 0);
    REQUIRE(world.run().state == State::halted);
    world.chain.reorganise(kDeep + 2, FakeReorg::forgotten);
    world.chain.forget_pool();
    send_foreign(world, 0);
    world.chain.mine();
    const Status refused = world.settler->resume();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::try_again);
    CHECK_FALSE(is_final(world.intent(1).state));
    world.chain.mine(kDeep);
    REQUIRE(world.settler->resume().has_value());
    CHECK(world.intent(1).state == IntentState::cancelled);
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
}

TEST_CASE("given an endpoint that hides its newest blocks, when an operator resumes, then it is refused") {
    SettlerWorld world(Version::v3, 2);
    send_foreign(world, 0);
    world.chain.mine();
    world.owe(1, 'a', 10);
    REQUIRE(world.run().state == State::halted);
    world.chain.mine(kDeep);
    world.before = [](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        const bool is_hidden = endpoint == 1 && call.method == "eth_getBlockByNumber";
        return is_hidden ? std::optional(Result<RpcReply>(RpcReply{})) : std::nullopt;
    };
    const Status refused = world.settler->resume();
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().why, Catch::Matchers::Contains("an endpoint cannot be heard"));
    world.before = nullptr;
    CHECK(world.settler->resume().has_value());
}

TEST_CASE(
    "given a deep reorganisation removed what others did with the key, when a payment waits behind that nonce, "
    "then the settler says so, raises no price, and goes on when the nonce is used") {
    SettlerWorld world(Version::v3, GENERATE(std::size_t{1}, std::size_t{2}));
    const bool is_sent = GENERATE(false, true);
    CAPTURE(is_sent);
    send_foreign(world, 0);
    world.chain.mine();
    world.owe(1, 'a', 10);
    REQUIRE(world.run().state == State::halted);
    world.chain.mine(kDeep);
    REQUIRE(world.settler->resume().has_value());
    if (is_sent) REQUIRE(world.steps().state == State::waiting);
    world.chain.reorganise(kDeep + 1);
    REQUIRE(world.chain.nonce(world.key.address()) == 0);
    for (int i = 0; i < 12; ++i) {
        const SettlerStep step = world.steps();
        CHECK(step.hold.reason == HoldReason::nonce_free);
        CHECK_THAT(step.hold.detail, Catch::Matchers::Contains("nonce 0"));
        world.wait(step);
    }
    CHECK(world.sends() == (is_sent ? 1 : 0));
    send_foreign(world, 0);
    CHECK(world.run().state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(10));
    CHECK(world.intent(1).nonce == 1U);
}

TEST_CASE(
    "given a final payment, when a deep reorganisation removes it while the next one waits, "
    "then both are sent again, and each is paid once") {
    SettlerWorld world(Version::v3, GENERATE(std::size_t{1}, std::size_t{2}));
    const bool after_foreign = GENERATE(false, true);
    CAPTURE(after_foreign);
    if (after_foreign) {
        send_foreign(world, 0);
        world.chain.mine();
        world.owe(1, 'b', 1);
        REQUIRE(world.run().state == State::halted);
        world.chain.mine(20);
        REQUIRE(world.settler->resume().has_value());
    }
    world.owe(2, 'a', 10);
    REQUIRE(world.run().state == State::idle);
    world.owe(3, 'a', 5);
    REQUIRE(world.steps().state == State::waiting);
    world.chain.reorganise(12);
    world.chain.forget_pool();
    REQUIRE(world.chain.nonce(world.key.address()) == (after_foreign ? 1U : 0U));
    CHECK(world.run(80).state == State::idle);
    CHECK(world.chain.balance(world.wallet_of('a')) == world.iotx(15));
    CHECK(world.mined() == (after_foreign ? 3 : 2));
}

TEST_CASE(
    "given the ledger still differs, when an operator resumes, then it is refused until the ledger is back") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.owe(2, 'a', 10);
    REQUIRE(world.run().state == State::idle);
    const bool is_missing = GENERATE(false, true);
    if (is_missing) {
        world.ledger.rows.erase({2, "a"});
        world.ledger.next_epoch = 2;
    } else {
        world.ledger.owe(2, "a", world.iotx(11), world.wallet_of('a'));
    }
    world.restart();
    REQUIRE(world.steps().state == State::halted);
    const Status refused = world.settler->resume();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::failed_precondition);
    CHECK_THAT(refused.error().hint, Catch::Matchers::Contains("ioswarm settle init --rebuild"));
    world.owe(2, 'a', 10);
    REQUIRE(world.settler->resume().has_value());
    CHECK(world.run().state == State::idle);
}
