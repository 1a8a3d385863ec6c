// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "test/core/coordinator/engine_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

const Error kWeb3IsAway{ErrorCode::unavailable, "cannot read account", "", "connection refused", ""};

}  // namespace

TEST_CASE("with an empty pool a probe shows that accounts can be read again") {
    const bool is_away = GENERATE(true, false);  // otherwise it is at another block
    const std::uint64_t behind =
        GENERATE(std::uint64_t{0}, std::uint64_t{1});  // where the state is when accounts can be read again
    CAPTURE(is_away, behind);
    Desk desk;
    FakeAgent agent = desk.join("a");
    std::uint64_t tip = 100;
    if (is_away) {
        desk.state.fail_all(kWeb3IsAway);
    } else {
        desk.state.hold_only(std::set<std::uint64_t>{});
    }
    for (; tip < 103; ++tip)
        desk.poll(actions(tip - 99), tip);
    REQUIRE(desk.engine->accounts_fault());
    CHECK(tasks_in(desk.take_and_answer("a", agent)) == 3);
    const auto idle_for_a_minute = [&](std::uint64_t held_behind) {
        for (int i = 0; i < 24; ++i, ++tip) {
            if (held_behind < 2) desk.state.hold_only(std::set<std::uint64_t>{tip - held_behind});
            desk.clock.advance(2500ms);
            desk.beat("a");
            desk.poll({}, tip);
        }
    };
    const std::size_t before = desk.state.calls().size();
    idle_for_a_minute(9);
    CHECK(desk.engine->accounts_fault());
    CHECK(desk.state.calls().size() - before == 12);
    desk.state.fail_all(std::nullopt);
    idle_for_a_minute(behind);
    if (behind == 1) CHECK(desk.engine->reads_one_behind());
    CHECK_FALSE(desk.engine->accounts_fault());
    // Nothing is read without need any more.
    const std::size_t after = desk.state.calls().size();
    idle_for_a_minute(0);
    CHECK(desk.state.calls().size() == after);
}
