// SPDX-License-Identifier: Apache-2.0
#include "settlement/pool.hpp"

#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;

namespace {

contracts::Receipt last_receipt(const SettlerWorld& world) {
    const auto mined = world.chain.mined(world.key.address());
    REQUIRE_FALSE(mined.empty());
    return world.chain.receipt(transaction_hash(mined.back().tx, mined.back().signature)).value();
}

void answer_with_code(SettlerWorld& world, std::string hex) {
    world.before = [hex](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_getCode") return std::nullopt;
        RpcReply reply;
        reply.kind = RpcReply::Kind::text;
        reply.value = hex;
        return reply;
    };
}

}  // namespace

TEST_CASE("a v3 pool returns its version, its coordinator, its newest id and the state of an id") {
    SettlerWorld world;
    RewardPool pool(*world.client, world.identity);
    CHECK(RewardPool::version_at(*world.client, world.contract) == PoolVersion::v3);
    CHECK(pool.coordinator() == world.key.address());
    CHECK(pool.facts()->last_epoch == 0);
    world.owe(3, 'a', 10);
    world.run();
    const auto facts = pool.facts();
    CHECK(facts->last_epoch == 30);
    CHECK(facts->tip == world.chain.tip());
    CHECK(pool.epoch_state(30) == contracts::EpochState::settled);
    CHECK(pool.epoch_state(31) == contracts::EpochState::open);
}

TEST_CASE("unknown code counts as v2 if it answers like v2, and as damaged if it has the two damaged bytes") {
    SettlerWorld world(Version::v2);
    CHECK(RewardPool::version_at(*world.client, world.contract) == PoolVersion::v2);

    Bytes code(4'025, 0x5b);
    code[0xbb8] = 0x08;
    code[0xbb9] = 0x66;
    answer_with_code(world, to_hex0x(code));
    CHECK(RewardPool::version_at(*world.client, world.contract) == PoolVersion::v2_damaged);

    answer_with_code(world, "0x");
    CHECK(RewardPool::version_at(*world.client, world.contract).error().code == ErrorCode::failed_check);

    // Unknown code that answers like version 3 is a changed contract that nobody has checked.
    SettlerWorld other;
    answer_with_code(other, "0x6001");
    CHECK(RewardPool::version_at(*other.client, other.contract).error().code == ErrorCode::failed_check);
}

TEST_CASE("the wallets with weight of a v2 pool are read from its logs, each time from the last place on") {
    SettlerWorld world(Version::v2);
    world.owe(1, 'a', 10);
    world.owe(1, 'b', 5);
    world.run();
    RewardPool pool(*world.client, world.identity);
    const auto first = pool.facts();
    REQUIRE(first);
    CHECK(first->total_weight == world.iotx(15));
    CHECK(first->weights == std::map<Address, U256>{{world.wallet_of('a'), world.iotx(10)},
                                                    {world.wallet_of('b'), world.iotx(5)}});
    CHECK(pool.weights_are(first->weights) == true);
    CHECK(pool.weights_are({{world.wallet_of('a'), world.iotx(15)}}) == false);
    CHECK(pool.weights_are({{world.wallet_of('a'), world.iotx(10)}}) == false);

    world.owe(2, 'c', 4);
    world.run();
    std::uint64_t from = ~std::uint64_t{0};
    world.before = [&](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method == "eth_getLogs") {
            const std::size_t at = call.params.find("\"fromBlock\":\"0x") + 15;
            from = std::min(from, std::uint64_t{std::stoull(call.params.substr(at), nullptr, 16)});
        }
        return std::nullopt;
    };
    CHECK(pool.facts()->weights == std::map<Address, U256>{{world.wallet_of('c'), world.iotx(4)}});
    CHECK(from == first->tip + 1);
}

TEST_CASE("a node that limits the range of eth_getLogs gets smaller ranges") {
    SettlerWorld world(Version::v2);
    world.owe(1, 'a', 10);
    world.run();
    world.chain.mine(300);
    int refused = 0;
    world.before = [&](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_getLogs") return std::nullopt;
        const auto number = [&call](const std::string& name) {
            return std::stoull(call.params.substr(call.params.find(name) + name.size()), nullptr, 16);
        };
        if (number("\"toBlock\":\"0x") - number("\"fromBlock\":\"0x") < 50) return std::nullopt;
        ++refused;
        return rpc_refusal(-32000, "query range is too large");
    };
    RewardPool pool(*world.client, world.identity);
    const auto facts = pool.facts();
    REQUIRE(facts);
    CHECK(facts->weights.size() == 1);
    CHECK(refused > 0);
    CHECK(refused < 10);
}

TEST_CASE("an unavailable endpoint does not make the ranges smaller") {
    SettlerWorld world(Version::v2);
    world.before = [](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method == "eth_getLogs" || call.method == "eth_blockNumber")
            return Result<RpcReply>(fail(ErrorCode::unavailable, "no connection"));
        return std::nullopt;
    };
    RewardPool pool(*world.client, world.identity);
    CHECK_FALSE(pool.facts());
    const int asked = world.endpoints[0]->asked["eth_getLogs"];
    CHECK(asked <= 1);
}

TEST_CASE("logs that do not add up are read from the beginning once more, and not at every check") {
    SettlerWorld world(Version::v2);
    world.owe(1, 'a', 10);
    world.run();
    bool hide = true;
    int reads = 0;
    world.after = [&](std::size_t, const RpcCall& call, Result<RpcReply> reply) {
        if (call.method != "eth_getLogs") return reply;
        ++reads;
        if (hide) reply->value = "[]";
        return reply;
    };
    RewardPool pool(*world.client, world.identity);
    CHECK(pool.facts()->weights.empty());
    CHECK(reads == 2);
    CHECK(pool.facts()->weights.empty());
    CHECK(reads == 2);

    hide = false;
    world.chain.mine(100);
    CHECK(pool.facts()->weights.size() == 1);
}

TEST_CASE("a receipt has the settled amount, the paid pushes and the refused ones") {
    for (const Version version : {Version::v2, Version::v3}) {
        CAPTURE(version == Version::v3);
        SettlerWorld world(version);
        world.pool_world->refusing.insert(world.wallet_of('b'));
        world.owe(1, 'a', 10);
        world.owe(1, 'b', 5);
        world.run();
        const IntentRow paid = world.intent(version == Version::v3 ? 1 : 2);
        const auto outcome = RewardPool::outcome_of(last_receipt(world), world.identity, paid);
        REQUIRE(outcome);
        CHECK(outcome->amount == world.iotx(15));
        CHECK(outcome->claimed == std::map<Address, U256>{{world.wallet_of('a'), world.iotx(10)}});
        REQUIRE(outcome->claim_failed.size() == 1);
        CHECK(outcome->claim_failed.begin()->first == world.wallet_of('b'));
        CHECK(outcome->claim_failed.begin()->second == (version == Version::v3 ? world.iotx(5) : U256(0)));

        contracts::Receipt empty = last_receipt(world);
        empty.logs.clear();
        CHECK(RewardPool::outcome_of(empty, world.identity, paid).error().code == ErrorCode::bad_data);
        contracts::Receipt foreign = last_receipt(world);
        for (contracts::ChainLog& log : foreign.logs)
            log.address = filled_with<Address>(0x33);
        CHECK(RewardPool::outcome_of(foreign, world.identity, paid).error().code == ErrorCode::bad_data);
    }
}
