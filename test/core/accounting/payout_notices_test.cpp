// SPDX-License-Identifier: Apache-2.0
#include "core/accounting/payout_notices.hpp"

#include <catch2/catch.hpp>

namespace ioswarm {
namespace {

PayoutRow payout_of(std::uint64_t epoch) {
    PayoutRow row;
    row.epoch = epoch;
    row.agent_id = "agent-1";
    row.amount_rau = 5;
    row.notice = PayoutNotice::due;
    return row;
}

}  // namespace

TEST_CASE("a payout that was read from the ledger before its block was done is announced once") {
    PayoutNotices notices;
    REQUIRE(notices.take("agent-1").must_load);

    // Given: epoch 7 is committed, and the agent's payouts are read before add() is called for it.
    notices.loaded("agent-1", {payout_of(7)}, true);
    const auto told = notices.take("agent-1").payout;
    REQUIRE(told);
    CHECK(told->epoch == 7);

    SECTION("the ledger has not marked it yet") {}
    SECTION("the ledger has marked it") {
        notices.marked({{"agent-1", 7}});
    }
    // When add() is called at last, only newer payouts are announced.
    notices.add({payout_of(7)});
    CHECK_FALSE(notices.take("agent-1").payout);
    notices.add({payout_of(8)});
    const auto next = notices.take("agent-1").payout;
    REQUIRE(next);
    CHECK(next->epoch == 8);
}

TEST_CASE(
    "a payout that is added during a read of the ledger is announced once, whether the read has it or not") {
    for (const bool read_has_it : {true, false}) {
        PayoutNotices notices;
        REQUIRE(notices.take("agent-1").must_load);
        notices.add({payout_of(3)});
        notices.loaded("agent-1",
                       read_has_it ? std::vector{payout_of(2), payout_of(3)} : std::vector{payout_of(2)}, true);
        std::vector<std::uint64_t> told;
        while (const auto payout = notices.take("agent-1").payout)
            told.push_back(payout->epoch);
        CHECK(told == std::vector<std::uint64_t>{2, 3});
    }
}

TEST_CASE("payouts that become due later are announced once each, those of older epochs too") {
    PayoutNotices notices;
    REQUIRE(notices.take("agent-1").must_load);
    notices.loaded("agent-1", {payout_of(9)}, true);
    REQUIRE(notices.take("agent-1").payout->epoch == 9);
    CHECK_FALSE(notices.take("agent-1").must_load);

    // When the settlement of epoch 4 becomes final long after that of epoch 9, the ledger is read again.
    notices.became_due({"agent-1", "never-seen"});
    REQUIRE(notices.take("agent-1").must_load);
    notices.loaded("agent-1", {payout_of(4), payout_of(9)}, true);
    CHECK(notices.take("agent-1").payout->epoch == 4);
    CHECK_FALSE(notices.take("agent-1").payout);
}

TEST_CASE("payouts that become due while the ledger is read are not lost") {
    PayoutNotices notices;
    REQUIRE(notices.take("agent-1").must_load);
    notices.became_due({"agent-1"});
    notices.loaded("agent-1", {}, true);  // read before they became due
    REQUIRE(notices.take("agent-1").must_load);
    notices.loaded("agent-1", {payout_of(4)}, true);
    CHECK(notices.take("agent-1").payout->epoch == 4);
}

}  // namespace ioswarm
