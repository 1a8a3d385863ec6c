// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "contracts/artifact.hpp"
#include "test/contracts/pool.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

TEST_CASE("the chain holds exactly the code that the program knows") {
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
