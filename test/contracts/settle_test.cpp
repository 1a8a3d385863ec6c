// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "contracts/artifact.hpp"
#include "test/contracts/pool.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

const bool ioswarm::test::kKeepSteps = false;

namespace {

constexpr U256 power_of_two(unsigned exponent) {
    return U256(1) << exponent;
}

std::string epoch_closed(std::uint64_t epoch, std::uint64_t newest) {
    return encode_error("EpochClosed(uint64,uint64)", {word(U256(epoch)), word(U256(newest))});
}

U256 epoch_state(const Pool& pool, std::uint64_t epoch) {
    return pool.view("epochState(uint64)", {word(U256(epoch))});
}

}  // namespace

TEST_CASE("the code on the chain equals the code in the program") {
    const Pool pool;
    CHECK(chain().code(pool.address()) == to_bytes(reward_pool_code()));
}

TEST_CASE("the first deposit is paid out in full") {
    Pool pool;
    const Address agent = new_wallet();
    REQUIRE(pool.settle(1, {{agent, 1000}}, milli_iotx(450)).ok);
    CHECK(pool.claimable(agent) == milli_iotx(450));
    REQUIRE(pool.claim(agent).ok);
    CHECK(chain().balance(agent) == milli_iotx(450));
    CHECK(pool.balance() == 0);
}

TEST_CASE("shares follow the weights and add up to the deposit exactly") {
    Pool pool;
    std::mt19937_64 random(7);
    for (std::uint64_t epoch = 1; epoch <= 8; ++epoch) {
        std::vector<Share> shares;
        for (std::size_t i = 0; i < 1 + epoch * 3; ++i)
            shares.push_back({new_wallet(), 1 + random() % 1'000'000});
        const U256 value = U256(random()) * 1'000'003 + 1;
        REQUIRE(pool.settle(epoch, shares, value).ok);
        U256 sum;
        for (const auto& [agent, amount] : expected_shares(shares, value)) {
            CHECK(pool.claimable(agent) == amount);
            sum += pool.claimable(agent);
        }
        CHECK(sum == value);
    }
}

TEST_CASE("the smallest and the largest numbers are shared out exactly") {
    Pool pool;
    const Address heavy = new_wallet();
    const Address light = new_wallet();
    const U256 max_weight = power_of_two(88) - 1;

    // One rau for three agents: it goes to the agent whose running weight reaches it, and is not lost.
    const std::vector<Share> three{{new_wallet(), 1}, {new_wallet(), 1}, {new_wallet(), 1}};
    REQUIRE(pool.settle(1, three, 1).ok);
    CHECK(pool.claimable(three[0].agent) == 0);
    CHECK(pool.claimable(three[1].agent) == 0);
    CHECK(pool.claimable(three[2].agent) == 1);

    const U256 value = power_of_two(111);
    const std::vector<Share> both{{heavy, max_weight}, {light, 1}};
    REQUIRE(pool.settle(2, both, value).ok);
    CHECK(pool.claimable(heavy) == expected_shares(both, value)[heavy]);
    CHECK(pool.claimable(heavy) + pool.claimable(light) == value);
}

TEST_CASE("only agents with an entry earn") {
    Pool pool;
    const Address stays = new_wallet();
    const Address leaves = new_wallet();
    REQUIRE(pool.settle(1, {{stays, 1}, {leaves, 1}}, 1000).ok);
    CHECK(pool.view("agents(address)", {word(leaves)}, 0) == 1);
    for (std::uint64_t epoch = 2; epoch <= 4; ++epoch)
        REQUIRE(pool.settle(epoch, {{stays, 1}}, 1000).ok);
    CHECK(pool.claimable(stays) == 3500);
    CHECK(pool.claimable(leaves) == 500);
    CHECK(pool.view("agents(address)", {word(stays)}, 0) == 1);
    CHECK(pool.view("agents(address)", {word(leaves)}, 0) == 0);
    CHECK(pool.view("totalWeight()") == 1);
}

TEST_CASE("several entries of the same agent add up") {
    Pool pool;
    const Address twice = new_wallet();
    const Address once = new_wallet();
    REQUIRE(pool.settle(1, {{twice, 1000}, {once, 1500}, {twice, 500}}, 3000).ok);
    CHECK(pool.claimable(twice) == 1500);
    CHECK(pool.claimable(once) == 1500);
    CHECK(pool.view("agents(address)", {word(twice)}, 0) == 1500);
    CHECK(pool.view("totalWeight()") == 3000);
}

TEST_CASE("a settlement with value and without weight reverts") {
    Pool pool;
    const std::string no_weight = encode_error("NoWeight()");
    CHECK(pool.revert_of(pool.call_of(settle_data(1, {}), 1)) == no_weight);
    CHECK(pool.revert_of(pool.call_of(settle_data(1, {{new_wallet(), 0}}), 1)) == no_weight);
    CHECK(pool.revert_of(pool.call_of(settle_v2_data({}), 1)) == no_weight);
    CHECK(pool.revert_of(pool.call_of(settle_v2_data({{new_wallet(), 0}}), 1)) == no_weight);
    CHECK(pool.balance() == 0);
    // An epoch without work is closed without value.
    CHECK(pool.settle(1, {}, 0).ok);
    CHECK(epoch_state(pool, 1) == 1);
}

TEST_CASE("a settlement with weight and without value credits nothing") {
    Pool pool;
    const Address agent = new_wallet();
    REQUIRE(pool.settle(1, {{agent, 1000}}, 0).ok);
    CHECK(pool.claimable(agent) == 0);
    CHECK(pool.view("agents(address)", {word(agent)}, 0) == 1000);
}

TEST_CASE("a second settlement of an epoch reverts") {
    Pool pool;
    const Address agent = new_wallet();
    REQUIRE(pool.settle(45'953'516, {{agent, 1}}, 100).ok);
    const ChainCall again = pool.call_of(settle_data(45'953'516, {{agent, 1}}), 100);
    CHECK(pool.revert_of(again) == epoch_closed(45'953'516, 45'953'516));
    CHECK_FALSE(pool.send(again).ok);
    CHECK(pool.claimable(agent) == 100);
    CHECK(pool.balance() == 100);
}

TEST_CASE("epochs up to 31 behind the newest are accepted in any order, older ones never") {
    Pool pool;
    REQUIRE(pool.settle(1000, {}, 0).ok);
    CHECK(pool.revert_of(pool.call_of(settle_data(968, {}))) == epoch_closed(968, 1000));
    CHECK(epoch_state(pool, 968) == 2);
    CHECK(epoch_state(pool, 969) == 0);
    CHECK(pool.settle(969, {}, 0).ok);
    CHECK(epoch_state(pool, 969) == 1);
    CHECK(pool.view("lastEpoch()") == 1000);
    CHECK_FALSE(pool.settle(969, {}, 0).ok);
    CHECK(pool.settle(999, {}, 0).ok);
    CHECK(pool.settle(1001, {}, 0).ok);
    // Epoch 969 is now outside the window, whatever its state was.
    CHECK(epoch_state(pool, 969) == 2);
    CHECK(epoch_state(pool, 970) == 0);
    CHECK(epoch_state(pool, 999) == 1);
    CHECK(epoch_state(pool, 1000) == 1);
    CHECK(epoch_state(pool, 1001) == 1);
    CHECK(epoch_state(pool, 1002) == 0);
}

TEST_CASE("epoch ids may begin anywhere and jump to the end of their range") {
    constexpr std::uint64_t kLast = ~std::uint64_t{0};
    Pool pool;
    CHECK(epoch_state(pool, 0) == 0);
    REQUIRE(pool.settle(0, {}, 0).ok);
    CHECK(epoch_state(pool, 0) == 1);
    CHECK_FALSE(pool.settle(0, {}, 0).ok);
    CHECK(pool.revert_of(pool.call_of(settle_v2_data({}))) == encode_error("LegacySettleDisabled()"));
    // Test epochs just outside the window, exactly its length away, and much further away.
    REQUIRE(pool.settle(32, {}, 0).ok);
    CHECK(epoch_state(pool, 0) == 2);
    CHECK(epoch_state(pool, 1) == 0);
    REQUIRE(pool.settle(32 + 256, {}, 0).ok);
    CHECK(epoch_state(pool, 32 + 255) == 0);
    REQUIRE(pool.settle(kLast, {}, 0).ok);
    CHECK(epoch_state(pool, kLast) == 1);
    CHECK(epoch_state(pool, kLast - 31) == 0);
    CHECK(epoch_state(pool, kLast - 32) == 2);
    CHECK(pool.view("lastEpoch()") == kLast);
    CHECK(pool.view("coordinator()") == *u256_from_big_endian(pool.coordinator().view()));
}

TEST_CASE("random epoch ids are accepted exactly when the rule allows them") {
    Pool pool;
    std::mt19937_64 random(11);
    std::set<std::uint64_t> settled;
    std::uint64_t newest = 5000;
    for (int step = 0; step < 200; ++step) {
        const std::uint64_t epoch = newest - 40 + random() % 50;
        const std::uint64_t newest_settled = settled.empty() ? 0 : *settled.rbegin();
        const bool too_old = newest_settled >= 32 && epoch <= newest_settled - 32;
        const bool open = !too_old && settled.count(epoch) == 0;
        CHECK(epoch_state(pool, epoch) == (too_old ? 2 : open ? 0 : 1));
        REQUIRE(pool.settle(epoch, {}, 0).ok == open);
        if (open) settled.insert(epoch);
        newest = std::max(newest, epoch);
        CHECK(pool.view("lastEpoch()") == *settled.rbegin());
    }
}

TEST_CASE("invalid entries are refused with their index") {
    Pool pool;
    const Address agent = new_wallet();
    const auto refuses = [&](const std::vector<U256>& entries, const std::string& error) {
        const Bytes data = encode_call("settleEpoch(uint64,bytes32[])", {word(U256(1)), list(entries)});
        CHECK(pool.revert_of(pool.call_of(data, 10)) == error);
    };
    const U256 good = entry({agent, 1});
    refuses({good, entry({Address{}, 1})}, encode_error("BadAgent(uint256)", {word(U256(1))}));
    refuses({entry({pool.address(), 1}), good}, encode_error("BadAgent(uint256)", {word(U256(0))}));
    for (unsigned bit = 89; bit < 96; ++bit)
        refuses({good, good | power_of_two(bit)}, encode_error("BadFlags()"));
    // 257 entries of the largest weight exceed the allowed sum. 256 do not.
    const U256 heaviest = entry({agent, power_of_two(88) - 1});
    refuses(std::vector<U256>(257, heaviest), encode_error("BadWeight(uint256)", {word(U256(257))}));
    const Bytes most =
        encode_call("settleEpoch(uint64,bytes32[])", {word(U256(1)), list(std::vector<U256>(256, heaviest))});
    REQUIRE(pool.send(pool.call_of(most, 10)).ok);
    CHECK(pool.claimable(agent) == 10);
    CHECK(pool.view("totalWeight()") == (power_of_two(88) - 1) * 256);
}

TEST_CASE("a deposit larger than an agent's account can hold is refused") {
    Pool pool;
    const Address agent = new_wallet();
    const U256 most = power_of_two(112) - 1;
    CHECK(pool.revert_of(pool.call_of(settle_data(1, {{agent, 1}}), most + 1)) ==
          encode_error("ValueTooLarge()"));
    REQUIRE(pool.settle(1, {{agent, 1}}, most - 1).ok);
    CHECK(pool.revert_of(pool.call_of(settle_data(2, {{agent, 1}}), 2)) == encode_error("ValueTooLarge()"));
    REQUIRE(pool.settle(2, {{agent, 1}}, 1).ok);
    CHECK(pool.claimable(agent) == most);
    CHECK(pool.view("agents(address)", {word(agent)}, 0) == 1);
}

TEST_CASE("a settlement emits its totals and each payment as events") {
    Pool pool;
    const Address first = new_wallet();
    const Address second = new_wallet();
    const ChainReceipt receipt = pool.settle(9, {{first, 30}, {second, 70, true}}, 1000);
    REQUIRE(receipt.logs.size() == 3);
    const auto settled = events(receipt, "Settled(uint256,uint256)");
    REQUIRE(settled.size() == 1);
    CHECK(data_word(settled[0], 0) == 1000);
    CHECK(data_word(settled[0], 1) == 2);
    const auto epoch = events(receipt, "EpochSettled(uint64,uint256,uint256,uint256)");
    REQUIRE(epoch.size() == 1);
    CHECK(epoch[0].topics[1] == to_word(9));
    CHECK(data_word(epoch[0], 0) == 1000);
    CHECK(data_word(epoch[0], 1) == 100);
    CHECK(data_word(epoch[0], 2) == 2);
    const auto claimed = events(receipt, "Claimed(address,uint256)");
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].topics[1] == topic_of(second));
    CHECK(data_word(claimed[0]) == 700);
    for (const ChainLog& log : receipt.logs)
        CHECK(log.address == pool.address());
}

TEST_CASE("an entry with SEND_NOW pays its share at once and leaves earlier credit in place") {
    Pool pool;
    const Address agent = new_wallet();
    REQUIRE(pool.settle(1, {{agent, 1}}, 100).ok);
    REQUIRE(pool.settle(2, {{agent, 1, true}, {new_wallet(), 1}}, 50).ok);
    CHECK(chain().balance(agent) == 25);
    CHECK(pool.claimable(agent) == 100);
    CHECK(pool.balance() == 125);
    // A share of zero is neither sent nor announced by an event.
    const ChainReceipt nothing = pool.settle(3, {{agent, 1, true}}, 0);
    REQUIRE(nothing.ok);
    CHECK(events(nothing, "Claimed(address,uint256)").empty());
}

TEST_CASE("a claim pays once, to the agent, whoever sends it") {
    Pool pool;
    const Address agent = new_wallet();
    const Address other = new_wallet();
    const std::string nothing = encode_reason("nothing to claim");
    CHECK(pool.revert_of(pool.call_of(agent, encode_call("claim()"))) == nothing);
    REQUIRE(pool.settle(1, {{agent, 1}, {other, 1}}, 100).ok);

    const ChainReceipt claimed = pool.claim(agent);
    REQUIRE(claimed.ok);
    const auto told = events(claimed, "Claimed(address,uint256)");
    REQUIRE(told.size() == 1);
    CHECK(told[0].topics[1] == topic_of(agent));
    CHECK(data_word(told[0]) == 50);
    CHECK(chain().balance(agent) == 50);
    CHECK(pool.revert_of(pool.call_of(agent, encode_call("claim()"))) == nothing);

    const Address stranger = new_wallet();
    const Bytes claim_for = encode_call("claimFor(address)", {word(other)});
    REQUIRE(pool.send(pool.call_of(stranger, claim_for)).ok);
    CHECK(chain().balance(other) == 50);
    CHECK(chain().balance(stranger) == 0);
    CHECK(pool.revert_of(pool.call_of(stranger, claim_for)) == nothing);

    REQUIRE(pool.settle(2, {{agent, 1}}, 7).ok);
    const std::vector<Address> list_of{other, agent, agent, stranger};
    const ChainReceipt batch =
        pool.send(pool.call_of(stranger, encode_call("batchClaimFor(address[])", {list(list_of)})));
    REQUIRE(batch.ok);
    CHECK(events(batch, "Claimed(address,uint256)").size() == 1);
    CHECK(chain().balance(agent) == 57);
    CHECK(pool.balance() == 0);
}

TEST_CASE("the getters of version 2 still return an agent's claimable amount") {
    Pool pool;
    const Address agent = new_wallet();
    const Address other = new_wallet();
    for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
        REQUIRE(pool.settle(epoch, {{agent, 3 * epoch}, {other, 7}}, milli_iotx(100 * epoch)).ok);
        const U256 cumulative = pool.view("cumulativeRewardPerWeight()");
        CHECK(pool.view("totalWeight()") == 3 * epoch + 7);
        const U256 weight = pool.view("agents(address)", {word(agent)}, 0);
        const U256 snapshot = pool.view("agents(address)", {word(agent)}, 1);
        const U256 pending = pool.view("agents(address)", {word(agent)}, 2);
        CHECK(weight == 3 * epoch);
        CHECK(pending + weight * (cumulative - snapshot) / iotx(1) == pool.claimable(agent));
    }
    // value / weight of the three settlements, in units of 10^-9.
    const U256 scale = 1'000'000'000;
    U256 sum;
    for (std::uint64_t epoch = 1; epoch <= 3; ++epoch)
        sum += milli_iotx(100 * epoch) * scale / (3 * epoch + 7);
    CHECK(pool.view("cumulativeRewardPerWeight()") == sum * scale);
}

TEST_CASE("the calls of version 2 settle until the first settleEpoch, and never after it") {
    Pool pool;
    const Address first = new_wallet();
    const Address second = new_wallet();
    const ChainReceipt receipt = pool.settle_v2({{first, 90}, {second, 10}}, 1000);
    REQUIRE(receipt.ok);
    CHECK(pool.claimable(first) == 900);
    CHECK(pool.claimable(second) == 100);
    const auto updated = events(receipt, "AgentUpdated(address,uint256)");
    REQUIRE(updated.size() == 2);
    CHECK(updated[0].topics[1] == topic_of(first));
    CHECK(data_word(updated[0]) == 90);
    const auto settled = events(receipt, "Settled(uint256,uint256)");
    REQUIRE(settled.size() == 1);
    CHECK(data_word(settled[0], 0) == 1000);
    CHECK(data_word(settled[0], 1) == 2);

    const auto and_claim = [&](const std::vector<Address>& claimees) {
        return settle_and_claim_v2_data({{first, 1}}, claimees);
    };
    REQUIRE(pool.send(pool.call_of(and_claim({first, second}), 50)).ok);
    CHECK(chain().balance(first) == 950);
    CHECK(chain().balance(second) == 100);

    const Bytes mismatch = encode_call("depositAndSettle(address[],uint256[])",
                                       {list(std::vector<Address>{first}), list(std::vector<U256>{1, 2})});
    CHECK(pool.revert_of(pool.call_of(mismatch)) == encode_reason("length mismatch"));
    CHECK(pool.revert_of(pool.call_of(settle_v2_data({{first, 1}, {second, power_of_two(88)}}))) ==
          encode_error("BadWeight(uint256)", {word(U256(1))}));
    CHECK(pool.revert_of(pool.call_of(settle_v2_data({{Address{}, 1}}))) ==
          encode_error("BadAgent(uint256)", {word(U256(0))}));

    REQUIRE(pool.settle(1, {}, 0).ok);
    const std::string disabled = encode_error("LegacySettleDisabled()");
    CHECK(pool.revert_of(pool.call_of(settle_v2_data({{first, 1}}), 50)) == disabled);
    CHECK(pool.revert_of(pool.call_of(and_claim({first}), 50)) == disabled);
    // It stays disabled much later, when the window has moved on.
    REQUIRE(pool.settle(1000, {}, 0).ok);
    CHECK(pool.revert_of(pool.call_of(settle_v2_data({{first, 1}}), 50)) == disabled);
}
