// SPDX-License-Identifier: Apache-2.0
// The fakes keep the same contracts as the real adapters; otherwise tests that use them would prove nothing.
#include "test/support/fakes.hpp"

#include <thread>

#include <catch2/catch.hpp>

#include "test/suites/act_pool_reader_suite.hpp"
#include "test/suites/block_source_suite.hpp"
#include "test/suites/clock_suite.hpp"
#include "test/suites/reward_settler_suite.hpp"
#include "test/suites/state_reader_suite.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

const Error kDown{ErrorCode::unavailable, "cannot reach the source", "fake", "down", ""};

PoolSubject make_pool() {
    struct Owner {
        FakeActPool pool;
        std::uint64_t nonce = 0;
        ChainTip tip{10, Clock::Wall(1s), 0};
    };
    auto owner = std::make_shared<Owner>();
    owner->pool.set_tip(owner->tip);
    return {.owner = owner,
            .pool = &owner->pool,
            .add_one = [o = owner.get()] { o->pool.add(fake_action({.nonce = o->nonce++})); },
            .remove_one = [o = owner.get()] { o->pool.remove(o->pool.pending()->front()->raw_id); },
            .next_block =
                [o = owner.get()] {
                    ++o->tip.height;
                    o->tip.time += 5s;
                    o->pool.set_tip(o->tip);
                },
            .fail =
                [o = owner.get()] {
                    o->pool.fail_pending(kDown);
                    o->pool.fail_tip(kDown);
                },
            .mend =
                [o = owner.get()] {
                    o->pool.fail_pending({});
                    o->pool.fail_tip({});
                }};
}

StateSubject make_state() {
    auto state = std::make_shared<FakeState>();
    const AccountState plain{U256(500), 3, {}};
    state->set(address_of_number(1), plain);
    state->set(address_of_number(2), AccountState{U256(0), 1, Hash256{}});
    state->hold_only(std::set<std::uint64_t>{10});
    return {.owner = state,
            .state = state.get(),
            .height = 10,
            .plain = address_of_number(1),
            .plain_state = plain,
            .contract = address_of_number(2),
            .unknown = address_of_number(9),
            .height_not_held = 11,
            .fail = [s = state.get()](const Address& address) { s->fail_address(address, kDown); },
            .mend = [s = state.get()] { s->fail_address(address_of_number(9), {}); }};
}

BlockSubject make_blocks() {
    struct Owner {
        FakeBlocks blocks;
        std::uint64_t height = 4;
    };
    auto owner = std::make_shared<Owner>();
    return {.owner = owner,
            .blocks = &owner->blocks,
            .first = 5,
            .next_block = [o = owner.get()] { o->blocks.push(fake_block(++o->height, {Receipt{}})); },
            .fail = [o = owner.get()] { o->blocks.push_error(kDown); },
            .forget_first = [o = owner.get()] { o->blocks.forget_below(6); }};
}

}  // namespace

TEST_CASE("the system clock fulfils the contract of Clock") {
    clock_contract(SystemClock());
}
TEST_CASE("ManualClock fulfils the contract of Clock") {
    clock_contract(ManualClock());
}
TEST_CASE("FakeActPool fulfils the contract of ActPoolReader") {
    act_pool_reader_contract(make_pool);
}
TEST_CASE("FakeState fulfils the contract of StateReader") {
    state_reader_contract(make_state);
}
TEST_CASE("FakeBlocks fulfils the contract of BlockSource") {
    block_source_contract(make_blocks);
}
TEST_CASE("FakeSettler fulfils the contract of RewardSettler") {
    FakeSettler settler;
    reward_settler_contract(settler, [&] { return settler.closed(); });
}

TEST_CASE("ManualClock advances only when told, and shows who waits for it") {
    ManualClock clock;
    int told = 0;
    clock.on_change([&] { ++told; });
    const auto steady = clock.steady();
    const auto wall = clock.wall();
    clock.advance(1500ms);
    CHECK(clock.steady() - steady == 1500ms);
    CHECK(clock.wall() - wall == 1500ms);
    clock.set_wall(wall - 1h);
    CHECK(clock.steady() - steady == 1500ms);
    CHECK(clock.wall() == wall - 1h);
    CHECK(told == 2);
}

TEST_CASE("FakeState holds readers until they are released, and counts how many read at once") {
    FakeState state;
    state.stall();
    const std::vector<Address> asked{address_of_number(1)};
    bool a_read = false;
    bool b_read = false;
    {
        std::jthread a([&] { a_read = state.accounts(asked, 1)[0].has_value(); });
        std::jthread b([&] { b_read = state.accounts(asked, 2)[0].has_value(); });
        state.wait_until_stalled(2);
        state.release();
    }
    CHECK(a_read);
    CHECK(b_read);
    CHECK(state.peak_concurrency() == 2);
    CHECK(state.calls().size() == 2);
    CHECK(state.reads(address_of_number(1)) == 2);
    CHECK(state.reads(address_of_number(3)) == 0);
}

TEST_CASE("FakeBlocks returns the next new block for height 0, and a test can wait for a blocked reader") {
    FakeBlocks blocks;
    blocks.push(fake_block(7));
    std::optional<Result<ExecutedBlock>> got;
    {
        std::jthread reader([&] { got = blocks.next(0, {}); });
        blocks.wait_until_asked(0);
        blocks.push(fake_block(8));
    }
    REQUIRE(*got);
    CHECK((*got)->height == 8);
}

TEST_CASE("fake actions differ when any of their fields does") {
    const FakeAction base;
    FakeAction other = base;
    CHECK(fake_action(base)->raw_id == fake_action(base)->raw_id);
    other.salt = 1;
    CHECK(fake_action(base)->raw_id != fake_action(other)->raw_id);
    other = base;
    other.nonce = 1;
    CHECK(fake_action(base)->hash != fake_action(other)->hash);
    other = base;
    other.hashable = false;
    CHECK_FALSE(fake_action(other)->hash);
}
