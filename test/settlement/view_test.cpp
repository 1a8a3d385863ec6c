// SPDX-License-Identifier: Apache-2.0
#include "settlement/view.hpp"

#include <catch2/catch.hpp>

#include "test/settlement/store_fixture.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;

namespace {

/// Takes the oldest planned intent to its end.
void settle_next(SettlementStore& store, IntentState end_state, std::set<Address> refused = {}) {
    const IntentRow row = **store.live_intent();
    REQUIRE(store.reserve_nonce(row.id).has_value());
    REQUIRE(store.add_attempt(attempt_of(row, 10)).has_value());
    REQUIRE(store.note_send(row.id, 1, 50).has_value());
    SettlementStore::End end;
    end.state = end_state;
    end.hash = keccak256(as_bytes(std::to_string(row.id)));
    end.block = 60 + row.id;
    end.gas_used = 1'000;
    end.gas_price = 10;
    end.push_failed = std::move(refused);
    end.now_ms = 99;
    REQUIRE(store.finish(row.id, end).has_value());
}

}  // namespace

TEST_CASE("the view is empty before settle init") {
    const TempDir dir;
    CHECK(SettlementView::open(dir.path()).error().code == ErrorCode::not_found);
}

TEST_CASE("the view can be read while the settler writes") {
    const TempDir dir;
    const auto store = std::move(*SettlementStore::create(dir.path(), settlement_identity_of_test()));
    const auto view = std::move(*SettlementView::open(dir.path()));
    CHECK(view->summary()->identity == settlement_identity_of_test());
    CHECK_FALSE(view->summary()->live.has_value());

    const std::vector<PlannedIntent> plan{
        planned_payment({payout_to(3, "a", 1, 100), payout_to(3, "b", 2, 20)}),
        planned_payment({payout_to(4, "a", 1, 7)}), planned_payment({payout_to(5, "b", 2, 9)})};
    REQUIRE(store->add_plan(plan, 1).has_value());
    REQUIRE(view->summary()->live.has_value());
    CHECK(view->summary()->live->id == 1);
    CHECK(view->payouts(3, ~std::uint64_t{0})->size() == 4);
    std::uint64_t after = 0;
    CHECK(view->newly_paid(&after, 100)->empty());

    settle_next(*store, IntentState::final_ok, {filled_with<Address>(2)});
    const auto first = view->newly_paid(&after, 1);
    REQUIRE(first->size() == 1);
    CHECK(first->front().payout.agent_id == "a");
    CHECK_FALSE(first->front().push_failed);
    CHECK(first->front().hash == keccak256(as_bytes("1")));
    CHECK(first->front().block == 61);
    const auto second = view->newly_paid(&after, 100);
    REQUIRE(second->size() == 1);
    CHECK(second->front().payout.agent_id == "b");
    CHECK(second->front().push_failed);
    CHECK(store->push_failed() == std::set<Address>{filled_with<Address>(2)});

    settle_next(*store, IntentState::final_reverted);
    CHECK(view->newly_paid(&after, 100)->empty());
    CHECK(view->payouts(4, 4)->empty());
    settle_next(*store, IntentState::final_ok);
    const auto third = view->newly_paid(&after, 100);
    REQUIRE(third->size() == 1);
    CHECK(third->front().payout.epoch == 5);
    CHECK(view->newly_paid(&after, 100)->empty());
    const std::vector<std::uint64_t> epochs{5, 4, 3};
    const auto of_b = view->payouts_of("b", epochs);
    REQUIRE(of_b->size() == 2);
    CHECK(of_b->front().payout.epoch == 5);
    CHECK(of_b->back().payout.epoch == 3);
    CHECK(view->payouts_of("stranger", epochs)->empty());
    std::uint64_t from_start = 0;
    CHECK(view->newly_paid(&from_start, 100)->size() == 3);
    CHECK(from_start == after);

    const auto summary = view->summary();
    CHECK(summary->paid_intents == 2);
    CHECK(summary->reverted_intents == 1);
    CHECK(summary->paid_rau == 129);
    CHECK(summary->gas_rau == 30'000);
    CHECK(summary->covered_payouts == 3);
    CHECK(view->intents(2, 10)->size() == 2);
    CHECK(view->attempts(1)->size() == 1);
}

TEST_CASE("the view shows the halt and why the settler waits") {
    const TempDir dir;
    const auto store = std::move(*SettlementStore::create(dir.path(), settlement_identity_of_test()));
    const auto view = std::move(*SettlementView::open(dir.path()));
    REQUIRE(store->set_hold({HoldReason::gas_price, "2500 of 2000"}, 44).has_value());
    REQUIRE(store->set_halt({HaltReason::foreign_transaction, "nonce 9", 45}).has_value());
    const auto summary = view->summary();
    CHECK(summary->hold.reason == HoldReason::gas_price);
    CHECK(summary->hold.detail == "2500 of 2000");
    CHECK(summary->hold_ms == 44);
    CHECK(summary->halt.reason == HaltReason::foreign_transaction);
}
