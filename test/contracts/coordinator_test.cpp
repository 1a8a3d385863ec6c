// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "test/contracts/pool.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

U256 number(const Address& address) {
    return *u256_from_big_endian(address.view());
}

Bytes propose(const Address& address) {
    return encode_call("setCoordinator(address)", {word(address)});
}

}  // namespace

TEST_CASE("a contract without coordinator cannot be created") {
    Bytes data = creation_code_under_test();
    data.resize(data.size() + 32);
    const CallOutcome outcome = chain().call({new_wallet(), std::nullopt, data, 0});
    REQUIRE_FALSE(outcome.ok);
    CHECK(to_hex(outcome.data) == encode_reason("zero coordinator"));
}

TEST_CASE("a new coordinator is proposed by the old one and then accepts") {
    Pool pool;
    const Address next = new_wallet();
    const Address stranger = new_wallet();
    CHECK(pool.view("coordinator()") == number(pool.coordinator()));
    CHECK(pool.view("pendingCoordinator()") == 0);
    REQUIRE(pool.settle(77, {}, 0).ok);

    const ChainReceipt proposed = pool.send(pool.call_of(propose(next)));
    REQUIRE(proposed.ok);
    const auto proposals = events(proposed, "CoordinatorProposed(address,address)");
    REQUIRE(proposals.size() == 1);
    CHECK(proposals[0].topics[1] == topic_of(pool.coordinator()));
    CHECK(proposals[0].topics[2] == topic_of(next));
    CHECK(pool.view("pendingCoordinator()") == number(next));
    // Until the next coordinator accepts, nothing changes.
    CHECK(pool.view("coordinator()") == number(pool.coordinator()));
    CHECK(pool.settle(78, {}, 0).ok);
    CHECK(pool.revert_of(pool.call_of(next, settle_data(79, {}))) == encode_reason("not coordinator"));
    CHECK(pool.revert_of(pool.call_of(stranger, encode_call("acceptCoordinator()"))) ==
          encode_reason("not pending coordinator"));
    CHECK(pool.revert_of(pool.call_of(pool.coordinator(), encode_call("acceptCoordinator()"))) ==
          encode_reason("not pending coordinator"));

    const ChainReceipt accepted = pool.send(pool.call_of(next, encode_call("acceptCoordinator()")));
    REQUIRE(accepted.ok);
    const auto changes = events(accepted, "CoordinatorChanged(address,address)");
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].topics[1] == topic_of(pool.coordinator()));
    CHECK(changes[0].topics[2] == topic_of(next));
    CHECK(pool.view("coordinator()") == number(next));
    CHECK(pool.view("pendingCoordinator()") == 0);
    CHECK(pool.view("lastEpoch()") == 78);
    CHECK(pool.view("epochState(uint64)", {word(U256(77))}) == 1);
    // The old coordinator is locked out, and the new one cannot accept twice.
    CHECK(pool.revert_of(pool.call_of(settle_data(79, {}))) == encode_reason("not coordinator"));
    CHECK(pool.revert_of(pool.call_of(next, encode_call("acceptCoordinator()"))) ==
          encode_reason("not pending coordinator"));
    CHECK(pool.send(pool.call_of(next, settle_data(79, {}))).ok);
}

TEST_CASE("a coordinator that proposes itself cancels the change") {
    Pool pool;
    const Address next = new_wallet();
    REQUIRE(pool.send(pool.call_of(propose(next))).ok);
    REQUIRE(pool.send(pool.call_of(propose(pool.coordinator()))).ok);
    CHECK(pool.view("pendingCoordinator()") == 0);
    CHECK(pool.revert_of(pool.call_of(next, encode_call("acceptCoordinator()"))) ==
          encode_reason("not pending coordinator"));
    CHECK(pool.settle(1, {}, 0).ok);
}

TEST_CASE("only the coordinator settles and proposes another") {
    const Pool pool;
    const Address stranger = new_wallet();
    const std::string refused = encode_reason("not coordinator");
    const std::vector<Share> shares{{stranger, 1}};
    CHECK(pool.revert_of(pool.call_of(stranger, settle_data(1, shares), 5)) == refused);
    CHECK(pool.revert_of(pool.call_of(stranger, settle_v2_data(shares), 5)) == refused);
    CHECK(pool.revert_of(pool.call_of(stranger, propose(stranger))) == refused);
    CHECK(pool.revert_of(pool.call_of(stranger, settle_and_claim_v2_data(shares, {stranger}))) == refused);
    CHECK(pool.revert_of(pool.call_of(propose(Address{}))) == encode_reason("zero address"));
}

TEST_CASE("the contract refuses money that belongs to nobody") {
    const Pool pool;
    CHECK(pool.revert_of(pool.call_of({}, 5)) == encode_error("UseSettle()"));
    // A call without a matching function reverts without a reason. So does a call that sends money to a
    // function that takes none.
    CHECK(pool.revert_of(pool.call_of(Bytes{1, 2, 3, 4}, 5)).empty());
    CHECK(pool.revert_of(pool.call_of(encode_call("claim()"), 5)).empty());
    CHECK(pool.revert_of(pool.call_of(encode_call("acceptCoordinator()"), 5)).empty());
    CHECK(pool.balance() == 0);
}

TEST_CASE("a thief with the coordinator's key cannot take money that is already credited") {
    Pool pool;
    const Address agent = new_wallet();
    const Address thief = new_wallet();
    const U256 most = (U256(1) << 88) - 1;
    REQUIRE(pool.settle(1, {{agent, 1}}, iotx(3)).ok);

    // First try: weight without money. On version 2 the next deposit then went to the thief.
    REQUIRE(pool.settle(2, {{thief, most}}, 0).ok);
    REQUIRE(pool.settle(3, {{thief, most, true}}, 0).ok);
    // Second try: take the agent's weight away.
    REQUIRE(pool.settle(4, {{agent, 0}, {thief, most}}, 0).ok);
    // Third try: become the coordinator.
    REQUIRE(pool.send(pool.call_of(propose(thief))).ok);
    REQUIRE(pool.send(pool.call_of(thief, encode_call("acceptCoordinator()"))).ok);
    REQUIRE(pool.send(pool.call_of(thief, settle_data(5, {{thief, most}}))).ok);
    CHECK_FALSE(pool.claim(thief).ok);
    CHECK(chain().balance(thief) == 0);

    // A later deposit goes to the agents that it names.
    REQUIRE(pool.send(pool.call_of(thief, settle_data(6, {{agent, 1}}), iotx(1))).ok);
    CHECK(pool.claimable(thief) == 0);
    REQUIRE(pool.claim(agent).ok);
    CHECK(chain().balance(agent) == iotx(4));
    CHECK(pool.balance() == 0);
}
