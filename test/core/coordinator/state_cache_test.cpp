// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/state_cache.hpp"

#include <catch2/catch.hpp>

#include "test/support/fake_run_state.hpp"
#include "test/support/fakes.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

TEST_CASE("state that one run read is cached for later runs at the same height") {
    FakeRunState source;
    source.set(address_of_number(7), 5, 1, "00");
    source.set_slot(address_of_number(7), 3, 9);
    StateCache cache(100);
    const auto from = source.at(100, {});
    CachingFetcher fetcher(*from, cache);
    evm::FetchedState first(&cache);
    CHECK_FALSE(first.account(address_of_number(7)));
    REQUIRE(fetcher.fetch({{address_of_number(7)}, {{address_of_number(7), 3}}, {}}, first));

    evm::FetchedState second(&cache);
    const auto account = second.account(address_of_number(7));
    REQUIRE(account);
    CHECK(account->balance == evm::Word(5));
    REQUIRE(second.slot(address_of_number(7), 3));
    CHECK(second.slot(address_of_number(7), 3)->value == evm::Word(9));
    CHECK_FALSE(second.slot(address_of_number(7), 4));
    CHECK(second.accounts() == 1);  // values from the cache count against a task's bounds too
    CHECK(second.slots() == 1);
    CHECK(second.code_bytes() == 1);
}

TEST_CASE("a failed fetch leaves nothing in the cache") {
    FakeRunState source;
    source.fails = true;
    StateCache cache(100);
    const auto from = source.at(100, {});
    CachingFetcher fetcher(*from, cache);
    evm::FetchedState state(&cache);
    CHECK_FALSE(fetcher.fetch({{address_of_number(7)}, {}, {}}, state));
    CHECK_FALSE(cache.account(address_of_number(7)));
}
