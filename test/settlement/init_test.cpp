// SPDX-License-Identifier: Apache-2.0
#include "settlement/init.hpp"

#include "contracts/reward_pool.hpp"
#include "settlement/view.hpp"
#include "test/settlement/ledger_file.hpp"
#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;

namespace {

/// A chain on which a settler paid from one settlement.db, and a ledger with the same payouts.
struct InitWorld {
    explicit InitWorld(Version version = Version::v3, std::size_t endpoints = 1)
        : paid(version, endpoints), payouts(file.dir.path()) {
        request.contract = paid.contract;
        request.wallet = paid.key.address();
        request.now_ms = 77;
    }

    /// Adds an epoch to the ledger that the settler may pay too. `marked`: serve already knows that it is paid.
    void close(std::uint64_t epoch, const std::map<char, std::uint64_t>& amounts, bool marked = false) {
        std::vector<LedgerFile::Payout> rows;
        for (const auto& [agent, amount] : amounts) {
            paid.owe(epoch, agent, amount);
            rows.push_back({std::string(1, agent), SettlerWorld::iotx(amount), SettlerWorld::wallet_of(agent),
                            marked ? PayoutNotice::due : PayoutNotice::waiting});
        }
        file.close_epoch(epoch, rows);
    }
    Result<InitProposal> propose() { return propose_init(*paid.client, payouts, request); }
    Result<InitProposal> rebuild() {
        request.rebuild = true;
        return propose();
    }

    SettlerWorld paid;
    LedgerFile file;
    LedgerPayouts payouts;
    InitRequest request;
};

std::vector<std::string> settled_names(const InitProposal& proposal) {
    std::vector<std::string> out;
    for (const SettledBefore& one : proposal.settled) {
        for (const CoveredPayout& payout : one.planned.payouts)
            out.push_back(std::to_string(payout.epoch) + payout.agent_id);
    }
    return out;
}

}  // namespace

TEST_CASE("settle init starts at the oldest waiting payout, with the wallet's confirmed nonce") {
    InitWorld world;
    world.file.close_epoch(1, {{"a", 3, std::nullopt, PayoutNotice::sent}});
    world.file.close_epoch(2, {{"a", 10, filled_with<Address>(1)}, {"b", 5, std::nullopt}});
    const auto proposal = world.propose();
    REQUIRE(proposal);
    CHECK(proposal->identity.chain_id == 4690);
    CHECK(proposal->identity.contract == world.paid.contract);
    CHECK(proposal->identity.pool == PoolVersion::v3);
    CHECK(proposal->identity.wallet == world.paid.key.address());
    CHECK(proposal->identity.first_nonce == 0);
    CHECK(proposal->identity.first_epoch == 2);
    CHECK(proposal->identity.created_ms == 77);
    CHECK(proposal->payouts == 1);
    CHECK(proposal->payouts_rau == 10);
    CHECK(proposal->without_wallet == 1);
    CHECK(proposal->without_wallet_rau == 5);
    CHECK(proposal->warnings.empty());

    world.request.from_epoch = 3;
    CHECK(world.propose()->identity.first_epoch == 3);
    CHECK(world.propose()->payouts == 0);
    world.request.from_epoch = 4;
    CHECK(world.propose().error().code == ErrorCode::invalid_argument);
}

TEST_CASE("with nothing owed settle init starts at the current epoch") {
    InitWorld world;
    world.file.close_epoch(6, {{"a", 3, std::nullopt, PayoutNotice::sent}});
    CHECK(world.propose()->identity.first_epoch == 7);
}

TEST_CASE("settle init refuses another chain's ledger, another coordinator and other contracts") {
    InitWorld world;
    world.file.change([](LedgerTx& tx) { return tx.set_chain({4689, 1}); });
    CHECK(world.propose().error().code == ErrorCode::config);

    InitWorld embedded;
    embedded.file.change([](LedgerTx& tx) { return tx.set_chain({4689, 0}); });
    CHECK(embedded.propose());
    embedded.request.wallet = filled_with<Address>(5);
    const auto refused = embedded.propose();
    CHECK(refused.error().code == ErrorCode::failed_check);
    CHECK(refused.error().why.find("its coordinator is") != std::string::npos);
    embedded.request.contract = filled_with<Address>(6);
    CHECK(embedded.propose().error().code == ErrorCode::failed_check);
}

TEST_CASE("settle init is refused while a transaction of the wallet is not mined") {
    InitWorld world;
    world.close(1, {{'a', 10}});
    world.paid.steps();  // sent, but not mined
    const auto proposal = world.propose();
    REQUIRE_FALSE(proposal);
    CHECK(proposal.error().code == ErrorCode::try_again);
    CHECK(proposal.error().why.find("1 of its transactions") != std::string::npos);
}

TEST_CASE("on a pool that may have settled waiting payouts, settle init needs --rebuild or --from-epoch") {
    InitWorld world;
    world.close(1, {{'a', 10}});
    world.paid.run();
    const auto proposal = world.propose();
    REQUIRE_FALSE(proposal);
    CHECK(proposal.error().code == ErrorCode::failed_precondition);
    CHECK(proposal.error().hint.find("--rebuild") != std::string::npos);
    world.request.from_epoch = 2;
    CHECK(world.propose());
}

TEST_CASE("for a new contract settle init asks which epochs the old one paid, unless no settlement was sent") {
    InitWorld world;
    world.close(1, {{'a', 10}});
    world.paid.run();  // serve was not there to mark it as paid
    const Address next = filled_with<Address>(0x77);
    world.paid.chain.put_contract(
        next,
        std::make_shared<FakeRewardPool>(Version::v3, next, world.paid.key.address(), world.paid.pool_world));
    world.request.contract = next;

    const auto refused = world.propose();
    CHECK(refused.error().code == ErrorCode::failed_precondition);
    CHECK(refused.error().why.find("1 of its transactions may be settlements") != std::string::npos);
    CHECK(refused.error().hint.find("--from-epoch 1") != std::string::npos);
    SECTION("the operator knows the first epoch that is not paid") {
        world.request.from_epoch = 2;
        const auto proposal = world.propose();
        REQUIRE(proposal);
        CHECK(proposal->payouts == 0);
        CHECK(proposal->warnings.size() == 1);  // 10 IOTX are left out
    }
    SECTION("the wallet's transactions were other commands of this machine") {
        world.request.known_sends = 1;
        CHECK(world.propose()->payouts == 1);
    }
}

TEST_CASE("settle init --rebuild finds that nothing was paid on a pool without settlements") {
    InitWorld world;
    world.close(1, {{'a', 10}});
    const auto proposal = world.rebuild();
    REQUIRE(proposal);
    CHECK(proposal->settled.empty());
    CHECK(proposal->payouts == 1);
}

TEST_CASE("settle init --rebuild counts what the chain paid as paid, also epochs merged into one id") {
    InitWorld world;
    world.close(1, {{'a', 10}, {'b', 5}});
    world.close(2, {{'a', 10}});
    world.close(3, {{'b', 7}, {'c', 1}});
    world.paid.run();
    world.close(4, {{'a', 10}, {'b', 5}});

    const auto proposal = world.rebuild();

    REQUIRE(proposal);
    CHECK(settled_names(*proposal) == std::vector<std::string>{"1a", "1b", "2a", "3b", "3c"});
    CHECK(proposal->settled_rau == world.paid.iotx(33));
    CHECK(proposal->payouts == 2);
    CHECK(proposal->payouts_rau == world.paid.iotx(15));
    CHECK(proposal->identity.first_nonce == 1);
    REQUIRE(proposal->settled.size() == 1);
    CHECK(proposal->settled[0].planned.intent.pool_epoch == 30);
    CHECK(proposal->settled[0].planned.intent.value_rau == world.paid.iotx(33));
}

TEST_CASE(
    "settle init --rebuild distinguishes equal amounts of neighbouring epochs by payouts marked as paid") {
    InitWorld world;
    for (std::uint64_t epoch = 1; epoch <= 6; ++epoch) {
        world.close(epoch, {{'a', 10}, {'b', 10}}, epoch <= 3);
        if (epoch <= 5) world.paid.run();
    }
    const auto proposal = world.rebuild();
    REQUIRE(proposal);
    CHECK(settled_names(*proposal) == std::vector<std::string>{"4a", "4b", "5a", "5b"});
    CHECK(proposal->payouts == 2);
}

TEST_CASE("settle init --rebuild leaves payouts owed whose wallet was set only later") {
    InitWorld world;
    // Agent z had no wallet when epochs 1 and 2 were paid.
    world.file.close_epoch(
        1, {{"a", world.paid.iotx(10), world.paid.wallet_of('a')}, {"z", world.paid.iotx(4), std::nullopt}});
    world.file.close_epoch(
        2, {{"a", world.paid.iotx(11), world.paid.wallet_of('a')}, {"z", world.paid.iotx(4), std::nullopt}});
    world.paid.owe(1, 'a', 10);
    world.paid.owe(2, 'a', 11);
    world.paid.run();
    world.file.name_wallet("z", world.paid.wallet_of('z'));
    const auto proposal = world.rebuild();
    REQUIRE(proposal);
    CHECK(settled_names(*proposal) == std::vector<std::string>{"1a", "2a"});
    CHECK(proposal->payouts == 2);
}

TEST_CASE("settle init --rebuild refuses when no set of payouts adds up to the paid amount") {
    InitWorld world;
    world.paid.owe(1, 'a', 10);
    world.paid.run();
    world.file.close_epoch(1, {{"a", world.paid.iotx(9), world.paid.wallet_of('a')}});
    const auto proposal = world.rebuild();
    REQUIRE_FALSE(proposal);
    CHECK(proposal.error().code == ErrorCode::failed_precondition);
    CHECK(proposal.error().why.find("no set of payouts") != std::string::npos);
    CHECK(proposal.error().hint.find("--from-epoch") != std::string::npos);
}

TEST_CASE("settle init --rebuild refuses when the node hides a settlement that the contract knows") {
    InitWorld world;
    world.close(1, {{'a', 10}});
    world.paid.run();
    world.paid.after = [](std::size_t, const RpcCall& call, Result<RpcReply> reply) {
        if (call.method == "eth_getLogs") reply->value = "[]";
        return reply;
    };
    const auto proposal = world.rebuild();
    REQUIRE_FALSE(proposal);
    CHECK(proposal.error().why.find("logs do not show it") != std::string::npos);
}

TEST_CASE("a rebuilt file pays the rest once, and nothing that the chain had paid") {
    InitWorld world;
    world.close(1, {{'a', 10}, {'b', 5}});
    world.close(2, {{'a', 10}});
    world.paid.run();
    world.close(3, {{'a', 10}, {'b', 6}});
    const auto proposal = world.rebuild();
    REQUIRE(proposal);

    const TempDir fresh;
    auto store = SettlementStore::create(fresh.path(), proposal->identity, proposal->settled);
    REQUIRE(store);
    CHECK((*store)->next_nonce() == 1U);
    CHECK((*store)->covered(0)->size() == 3);
    CHECK_FALSE((*store)->live_intent()->has_value());
    CHECK((*store)->spent_today(77) == U256(0));
    const SettlementSigner signer(world.paid.key, proposal->identity, world.paid.settings.limits);
    Settler settler(**store, world.payouts, *world.paid.client, signer, world.paid.settings, world.paid.clock,
                    Log());
    for (int i = 0; i < 60; ++i) {
        const auto step = settler.step();
        REQUIRE(step);
        REQUIRE(step->state != SettlerStep::State::halted);
        if (step->state == SettlerStep::State::idle) break;
        if (step->state != SettlerStep::State::again) world.paid.wait(*step);
    }
    CHECK(world.paid.chain.balance(world.paid.wallet_of('a')) == world.paid.iotx(30));
    CHECK(world.paid.chain.balance(world.paid.wallet_of('b')) == world.paid.iotx(11));
    CHECK(world.paid.mined() == 2);

    // serve gets all of them, including those that were paid before.
    auto view = SettlementView::open(fresh.path());
    std::uint64_t after = 0;
    CHECK((*view)->newly_paid(&after, 100)->size() == 5);
}

TEST_CASE("on v2 --rebuild needs --from-epoch, and the logs are read from --pool-from-block on") {
    InitWorld world(Version::v2);
    world.close(1, {{'a', 10}});
    CHECK(world.rebuild().error().code == ErrorCode::failed_precondition);
    world.request.from_epoch = 1;
    auto proposal = world.propose();
    REQUIRE(proposal);
    CHECK(proposal->identity.pool == PoolVersion::v2);
    CHECK(proposal->identity.pool_from_block == 0);
    CHECK(proposal->pool_from_how.find("--pool-from-block") != std::string::npos);
    world.request.pool_from_block = 12;
    proposal = world.propose();
    CHECK(proposal->identity.pool_from_block == 12);

    // The wallet has sent transactions, and it is unknown what they paid.
    world.request.rebuild = false;
    world.request.from_epoch.reset();
    CHECK(world.propose());
    world.paid.run();
    const auto refused = world.propose();
    CHECK(refused.error().code == ErrorCode::failed_precondition);
    CHECK(refused.error().hint.find("--from-epoch 1") != std::string::npos);
    world.request.from_epoch = 1;
    CHECK(world.propose());
}

TEST_CASE("on a node with archive state the block that created a v2 pool is found") {
    InitWorld world(Version::v2);
    world.paid.chain.mine(100);
    int asked = 0;
    world.paid.before = [&](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_getCode" || call.params.find("latest") != std::string::npos)
            return std::nullopt;
        ++asked;
        const std::size_t at = call.params.rfind("0x");
        RpcReply reply;
        reply.kind = RpcReply::Kind::text;
        reply.value = std::stoull(call.params.substr(at), nullptr, 16) < 37 ? "0x" : "0x6000";
        return reply;
    };
    const auto proposal = world.propose();
    REQUIRE(proposal);
    CHECK(proposal->identity.pool_from_block == 37);
    CHECK(asked <= 8);
}

TEST_CASE(
    "given an endpoint that is behind answers for one that fails, when settle init runs, then nothing is "
    "made") {
    InitWorld world(Version::v3, 2);
    world.close(1, {{'a', 10}});
    REQUIRE(world.paid.run().state == SettlerStep::State::idle);
    const std::string last_epoch = to_hex0x(contracts::last_epoch_call());
    world.request.known_sends = 1;  // so that nothing else makes init refuse
    world.paid.before = [=](std::size_t endpoint, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_call" || call.params.find(last_epoch) == std::string::npos) return std::nullopt;
        if (endpoint == 0) return Result<RpcReply>(fail(ErrorCode::unavailable, "cannot ask"));
        RpcReply old;
        old.kind = RpcReply::Kind::text;
        old.value = "0x" + std::string(64, '0');
        return Result<RpcReply>(old);
    };
    const auto proposal = world.propose();
    REQUIRE_FALSE(proposal);
    CHECK(proposal.error().code == ErrorCode::try_again);
    CHECK_THAT(proposal.error().hint, Catch::Matchers::Contains("every endpoint must say the same"));
}
