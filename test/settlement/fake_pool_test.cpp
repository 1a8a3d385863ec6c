// SPDX-License-Identifier: Apache-2.0
// Tests of the models that the settler's tests use: reward pools, and a chain with several nodes.
#include <catch2/catch.hpp>

#include "contracts/gas.hpp"
#include "contracts/keystore.hpp"
#include "contracts/reward_pool.hpp"
#include "test/support/fake_reward_pool.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

const Address kPoolAt{{0xaa}};
const Address kBoss{{0xb0}};
const Address kAgentA{{0xa1}};
const Address kAgentB{{0xa2}};
const Address kAgentC{{0xa3}};

FakeRewardPool pool_of(FakeRewardPool::Version version) {
    return FakeRewardPool(version, kPoolAt, kBoss);
}

FakeRun settle_v2_call(FakeRewardPool& pool, const std::vector<Address>& wallets,
                       const std::vector<U256>& weights, const U256& value) {
    return pool.run(kBoss, value, contracts::deposit_and_settle_call(wallets, weights), false);
}

FakeRun settle_v3_call(FakeRewardPool& pool, std::uint64_t epoch,
                       const std::vector<contracts::PoolEntry>& entries, const U256& value) {
    std::vector<Hash256> words;
    for (const contracts::PoolEntry& entry : entries)
        words.push_back(contracts::entry_word(entry).value());
    return pool.run(kBoss, value, contracts::settle_epoch_call(epoch, words), false);
}

/// A chain on which the wallet has money. Makes transactions of the wallet at a given price.
struct PricedChain {
    PricedChain() {
        chain.fund(key.address(), U256(1'000'000'000'000'000'000) * 100);
        chain.set_rules([](FakeChainRules& rules) { rules.nodes = 2; });
    }
    [[nodiscard]] RawEthTx transfer(std::uint64_t times_least_price) const {
        EthTx tx;
        tx.chain_id = 4690;
        tx.gas_price = U256(contracts::kMinGasPrice) * times_least_price;
        tx.gas_limit = 10'000;
        tx.to = kAgentA;
        tx.value = 7;
        return sign_transaction(tx, key);
    }
    void send(const RawEthTx& tx, std::size_t node) {
        static_cast<void>(
            chain.answer(R"({"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":[")" +
                             to_hex0x(tx.raw) + "\"]}",
                         node));
    }

    FakeChain chain;
    PrivateKey key = contracts::key_from_hex(std::string(64, '7')).value();
};

}  // namespace

TEST_CASE("version 2 shares a deposit by the weights of the call before, so the first deposit is stranded") {
    FakeRewardPool pool = pool_of(FakeRewardPool::Version::v2);
    REQUIRE(settle_v2_call(pool, {kAgentA, kAgentB}, {3, 1}, 100).ok);
    REQUIRE(settle_v2_call(pool, {kAgentA, kAgentC}, {1, 3}, 100).ok);
    REQUIRE(settle_v2_call(pool, {kAgentC}, {1}, 100).ok);
    CHECK(pool.claimable(kAgentA) == 95);
    CHECK(pool.claimable(kAgentB) == 45);
    CHECK(pool.claimable(kAgentC) == 60);
}

TEST_CASE("version 2 settled in two steps gives each wallet its weight in rau") {
    FakeRewardPool pool = pool_of(FakeRewardPool::Version::v2);
    REQUIRE(settle_v2_call(pool, {kAgentA, kAgentB}, {1'000'003, 17}, 0).ok);
    REQUIRE(settle_v2_call(pool, {}, {}, 1'000'020).ok);
    CHECK(pool.claimable(kAgentA) == 1'000'003);
    CHECK(pool.claimable(kAgentB) == 17);
    const FakeRun paid =
        pool.run(kBoss, 0, contracts::batch_claim_for_call(std::array{kAgentA, kAgentC}), false);
    CHECK(paid.paid == std::map<Address, U256>{{kAgentA, 1'000'003}});
    CHECK(pool.claimable(kAgentA) == 0);
}

TEST_CASE("damaged version 2 pays only through batchClaimFor") {
    FakeRewardPool pool = pool_of(FakeRewardPool::Version::v2_damaged);
    REQUIRE(settle_v2_call(pool, {kAgentA}, {10}, 0).ok);
    REQUIRE(settle_v2_call(pool, {}, {}, 10).ok);
    const FakeRun silent = pool.run(kBoss, 0, contracts::claim_for_call(kAgentA), false);
    CHECK(silent.ok);
    CHECK(silent.paid.empty());
    CHECK(pool.run(kAgentA, 0, contracts::claim_call(), false).gas > contracts::kBlockGasLimit);
    CHECK(pool.run(kBoss, 0, contracts::batch_claim_for_call(std::array{kAgentA}), false).paid.size() == 1);
}

TEST_CASE("version 3 credits exact shares, once per id, for ids in a window of 32") {
    FakeRewardPool pool = pool_of(FakeRewardPool::Version::v3);
    REQUIRE(settle_v3_call(pool, 100, {{kAgentA, 1, false}, {kAgentB, 1, false}, {kAgentC, 1, false}}, 100).ok);
    CHECK(pool.claimable(kAgentA) == 33);
    CHECK(pool.claimable(kAgentB) == 33);
    CHECK(pool.claimable(kAgentC) == 34);
    CHECK_FALSE(settle_v3_call(pool, 100, {{kAgentA, 1, false}}, 1).ok);
    CHECK_FALSE(settle_v3_call(pool, 68, {{kAgentA, 1, false}}, 1).ok);
    CHECK(settle_v3_call(pool, 69, {{kAgentA, 1, false}}, 1).ok);
    CHECK_FALSE(settle_v3_call(pool, 101, {}, 1).ok);
    CHECK_FALSE(pool.run(kAgentA, 0, contracts::settle_epoch_call(102, {}), false).ok);
}

TEST_CASE("version 3 credits a payee that refuses") {
    const auto world = std::make_shared<FakePoolWorld>();
    world->refusing.insert(kAgentA);
    FakeRewardPool pool(FakeRewardPool::Version::v3, kPoolAt, kBoss, world);
    const FakeRun run = settle_v3_call(pool, 1, {{kAgentA, 5, true}, {kAgentB, 6, true}}, 11);
    CHECK(run.paid == std::map<Address, U256>{{kAgentB, 6}});
    CHECK(pool.claimable(kAgentA) == 5);
}

TEST_CASE("a reorganisation undoes calls of a cloned contract") {
    PricedChain given;
    given.chain.put_contract(
        kPoolAt, std::make_shared<FakeRewardPool>(FakeRewardPool::Version::v3, kPoolAt, given.key.address()));
    EthTx tx;
    tx.chain_id = 4690;
    tx.gas_price = contracts::kMinGasPrice;
    tx.gas_limit = 200'000;
    tx.to = kPoolAt;
    tx.value = 9;
    tx.data = contracts::settle_epoch_call(3, std::array{contracts::entry_word({kAgentA, 9, false}).value()});
    given.send(sign_transaction(tx, given.key), 0);
    given.chain.mine();
    const auto claimable = [&] {
        return dynamic_cast<FakeRewardPool&>(*given.chain.contract(kPoolAt)).claimable(kAgentA);
    };
    REQUIRE(claimable() == 9);
    given.chain.reorganise(1);
    CHECK(claimable() == 0);
    CHECK(given.chain.nonce(given.key.address()) == 0);
    given.send(sign_transaction(tx, given.key), 0);
    given.chain.mine(2);
    given.chain.reorganise(2, FakeReorg::pooled);
    CHECK(claimable() == 9);
}

TEST_CASE("two nodes without contact may hold different attempts of a nonce, and either can be mined") {
    for (const std::size_t preferred : {std::size_t{0}, std::size_t{1}}) {
        PricedChain given;
        given.chain.set_rules([](FakeChainRules& rules) { rules.gossip = false; });
        const RawEthTx low = given.transfer(1);
        const RawEthTx high = given.transfer(2);
        given.send(low, 0);
        given.send(high, 1);
        given.chain.prefer_node(preferred);
        given.chain.mine();
        CHECK(given.chain.mined_hashes(given.key.address()) ==
              std::vector<Hash256>{preferred == 0 ? low.hash : high.hash});
        CHECK(given.chain.pooled() == 0);
    }
}

TEST_CASE("a node that lags answers from an older state") {
    PricedChain given;
    given.chain.set_lag(1, 2);
    given.send(given.transfer(1), 0);
    given.chain.mine();
    const auto balance = [&](std::size_t node) {
        return given.chain.answer(R"({"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[")" +
                                      to_hex0x(kAgentA.view()) + R"(","latest"]})",
                                  node);
    };
    CHECK(balance(0).find("\"0x7\"") != std::string::npos);
    CHECK(balance(1).find("\"0x0\"") != std::string::npos);
    given.chain.mine(2);
    CHECK(balance(1).find("\"0x7\"") != std::string::npos);
}
