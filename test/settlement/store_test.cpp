// SPDX-License-Identifier: Apache-2.0
#include "settlement/store.hpp"

#include <filesystem>
#include <iterator>

#include <sys/stat.h>
#include <catch2/catch.hpp>

#include "core/sqlite/sqlite.hpp"
#include "settlement/view.hpp"
#include "test/settlement/store_fixture.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;

namespace {

constexpr std::int64_t kStoreNow = 1'767'225'600'000;

std::unique_ptr<SettlementStore> new_store(const TempDir& dir) {
    auto store = SettlementStore::create(dir.path(), settlement_identity_of_test());
    REQUIRE(store.has_value());
    return std::move(*store);
}

/// Plans, signs and sends a payment.
IntentRow sent_intent(SettlementStore& store, const PlannedIntent& planned) {
    const auto rows = store.add_plan({&planned, 1}, kStoreNow);
    REQUIRE(rows.has_value());
    const std::uint64_t id = rows->front().id;
    REQUIRE(store.reserve_nonce(id).has_value());
    const auto attempt = store.add_attempt(attempt_of(rows->front(), 1'000));
    REQUIRE(attempt.has_value());
    REQUIRE(store.note_send(id, 1, 50).has_value());
    return **store.intent(id);
}

SettlementStore::End paid_end() {
    SettlementStore::End end;
    end.state = IntentState::final_ok;
    end.hash = filled_with<Hash256>(1);
    end.block = 60;
    end.gas_used = 80'000;
    end.gas_price = 1'000;
    end.now_ms = kStoreNow + 5'000;
    return end;
}

SettlementStore::End failed_end(IntentState state) {
    SettlementStore::End end = paid_end();
    end.state = state;
    end.reason = "for the test";
    return end;
}

void alter(const TempDir& dir, const char* sql) {
    auto database =
        sqlite::Database::open(dir.path("settlement.db"), sqlite::Database::Mode::read_write, "file");
    REQUIRE(database.has_value());
    REQUIRE(database->execute(sql).has_value());
}

}  // namespace

TEST_CASE("a new settlement file has its identity, and only its owner may read it") {
    const TempDir dir;
    new_store(dir).reset();
    struct stat info {};
    REQUIRE(stat(dir.path("settlement.db").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    const auto store = SettlementStore::open(dir.path());
    REQUIRE(store.has_value());
    CHECK((*store)->identity() == settlement_identity_of_test());
    CHECK((*store)->next_nonce() == 7U);
    CHECK_FALSE((*store)->live_intent()->has_value());
}

TEST_CASE("a settlement file is created once, opened only if it exists, and by one settler at a time") {
    const TempDir dir;
    CHECK(SettlementStore::open(dir.path()).error().code == ErrorCode::not_found);
    const auto store = new_store(dir);
    const auto second = SettlementStore::open(dir.path());
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == ErrorCode::try_again);
    CHECK(second.error().why.find(std::to_string(getpid())) != std::string::npos);
    CHECK(SettlementStore::create(dir.path(), settlement_identity_of_test()).error().code ==
          ErrorCode::try_again);
}

TEST_CASE("an existing settlement file is not replaced, but an interrupted init is completed") {
    const TempDir dir;
    new_store(dir).reset();
    CHECK(SettlementStore::create(dir.path(), settlement_identity_of_test()).error().code ==
          ErrorCode::failed_precondition);
    const TempDir cut_off;
    cut_off.write("settlement.db", "");
    CHECK(SettlementStore::open(cut_off.path()).error().code == ErrorCode::not_found);
    CHECK(SettlementStore::create(cut_off.path(), settlement_identity_of_test()).has_value());
}

TEST_CASE("altered tables, another program's file and a newer version give different errors") {
    const TempDir dir;
    new_store(dir).reset();
    SECTION("a trigger was dropped") {
        alter(dir, "DROP TRIGGER intent_keeps_nonce");
        CHECK(SettlementStore::open(dir.path()).error().code == ErrorCode::data_loss);
        CHECK(SettlementView::open(dir.path()).error().code == ErrorCode::data_loss);
    }
    SECTION("the file is another program's") {
        alter(dir, "PRAGMA application_id = 1");
        CHECK(SettlementStore::open(dir.path()).error().code == ErrorCode::data_loss);
    }
    SECTION("the version is newer") {
        alter(dir, "UPDATE meta SET schema_version = 2");
        CHECK(SettlementStore::open(dir.path()).error().code == ErrorCode::failed_precondition);
    }
}

TEST_CASE("an intent goes from planned to paid, and each step is on disk") {
    const TempDir dir;
    auto store = new_store(dir);
    const PlannedIntent planned = planned_payment({payout_to(3, "a", 1, 100), payout_to(4, "a", 1, 50)});
    const auto reopen = [&] {
        store.reset();
        store = std::move(*SettlementStore::open(dir.path()));
    };
    REQUIRE(store->add_plan({&planned, 1}, kStoreNow).has_value());
    reopen();
    IntentRow live = **store->live_intent();
    CHECK(live.state == IntentState::planned);
    CHECK_FALSE(live.nonce.has_value());
    CHECK(live.value_rau == 150);
    CHECK(live.data == planned.intent.data);
    CHECK(store->covered(4)->size() == 1);

    CHECK(store->reserve_nonce(live.id) == 7U);
    reopen();
    live = **store->live_intent();
    CHECK(live.state == IntentState::reserved);
    CHECK(live.nonce == 7U);
    CHECK(store->next_nonce() == 8U);

    const auto attempt = store->add_attempt(attempt_of(live, 1'000));
    REQUIRE(attempt.has_value());
    CHECK(attempt->number == 1);
    CHECK((**store->live_intent()).state == IntentState::signed_);
    CHECK(store->spent_today(kStoreNow) == U256(150 + 100'000 * 1'000));

    REQUIRE(store->note_send(live.id, 1, 51).has_value());
    CHECK((**store->live_intent()).state == IntentState::sending);
    CHECK(store->attempts(live.id)->front().sends == 1);
    CHECK(store->attempts(live.id)->front().sent_block == 51);
    REQUIRE(store->note_answer(live.id, 1, "accepted", true).has_value());
    CHECK((**store->live_intent()).state == IntentState::pooled);

    REQUIRE(store->note_mined({live.id, "http://a", filled_with<Hash256>(1), 60, filled_with<Hash256>(2), 1, 5})
                .has_value());
    reopen();
    live = **store->live_intent();
    CHECK(live.state == IntentState::mined);
    CHECK(live.block == 60);
    CHECK(store->observations(live.id)->front().block_hash == filled_with<Hash256>(2));

    REQUIRE(store->finish(live.id, paid_end()).has_value());
    reopen();
    CHECK_FALSE(store->live_intent()->has_value());
    const IntentRow paid = **store->intent(live.id);
    CHECK(paid.state == IntentState::final_ok);
    CHECK(paid.gas_used == 80'000);
    CHECK(store->spent_today(kStoreNow) == U256(150 + 80'000 * 1'000));
    CHECK(store->covered(0)->size() == 2);
    CHECK(store->payouts_of(live.id) == planned.payouts);
}

TEST_CASE("a payout is covered once, and a plan is written completely or not at all") {
    const TempDir dir;
    const auto store = new_store(dir);
    const PlannedIntent first = planned_payment({payout_to(3, "a", 1, 100)});
    REQUIRE(store->add_plan({&first, 1}, kStoreNow).has_value());
    const std::vector<PlannedIntent> second{
        planned_payment({payout_to(4, "b", 1, 10)}),
        planned_payment({payout_to(3, "a", 1, 100), payout_to(4, "a", 1, 1)})};
    const auto refused = store->add_plan(second, kStoreNow);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::aborted);
    CHECK(store->intents(1, 10)->size() == 1);
    CHECK(store->covered(0)->size() == 1);
}

TEST_CASE("an intent whose value is not the sum of its payouts is refused") {
    const TempDir dir;
    const auto store = new_store(dir);
    PlannedIntent wrong = planned_payment({payout_to(3, "a", 1, 100)});
    wrong.intent.value_rau = 101;
    CHECK(store->add_plan({&wrong, 1}, kStoreNow).error().code == ErrorCode::internal);
    wrong = planned_payment({payout_to(3, "a", 1, 100)});
    wrong.payouts.front().wallet = filled_with<Address>(2);
    CHECK(store->add_plan({&wrong, 1}, kStoreNow).error().code == ErrorCode::internal);
}

TEST_CASE("nonces are assigned one at a time and without gaps") {
    const TempDir dir;
    const auto store = new_store(dir);
    const std::vector<PlannedIntent> plan{planned_payment({payout_to(3, "a", 1, 100)}),
                                          planned_payment({payout_to(4, "a", 1, 100)})};
    const auto rows = store->add_plan(plan, kStoreNow);
    REQUIRE(rows.has_value());
    CHECK((*rows)[1].settlement == (*rows)[0].id);
    CHECK(store->reserve_nonce(1) == 7U);
    CHECK(store->reserve_nonce(1).error().code == ErrorCode::failed_precondition);
    CHECK(store->reserve_nonce(2).error().code == ErrorCode::failed_precondition);
    REQUIRE(store->add_attempt(attempt_of((*rows)[0], 5)).has_value());
    REQUIRE(store->note_send(1, 1, 9).has_value());
    REQUIRE(store->finish(1, paid_end()).has_value());
    CHECK(store->reserve_nonce(2) == 8U);
}

TEST_CASE("an intent's nonce and content, and a final intent, cannot be altered even by hand") {
    const TempDir dir;
    auto store = new_store(dir);
    const IntentRow intent = sent_intent(*store, planned_payment({payout_to(3, "a", 1, 100)}));
    store.reset();
    auto database =
        sqlite::Database::open(dir.path("settlement.db"), sqlite::Database::Mode::read_write, "file");
    REQUIRE(database.has_value());
    CHECK_FALSE(database->execute("UPDATE intent SET nonce = 9").has_value());
    CHECK_FALSE(database->execute("UPDATE intent SET value_rau = '1'").has_value());
    CHECK_FALSE(database->execute("DELETE FROM cover").has_value());
    CHECK_FALSE(database->execute("UPDATE cover SET intent = 2").has_value());
    store = std::move(*SettlementStore::open(dir.path()));
    REQUIRE(store->finish(intent.id, paid_end()).has_value());
    store.reset();
    CHECK_FALSE(database->execute("UPDATE intent SET state = 'sending'").has_value());
}

TEST_CASE("signed bytes are stored once, and only for an intent that has a nonce") {
    const TempDir dir;
    const auto store = new_store(dir);
    const PlannedIntent planned = planned_payment({payout_to(3, "a", 1, 100)});
    const IntentRow row = store->add_plan({&planned, 1}, kStoreNow)->front();
    CHECK(store->add_attempt(attempt_of(row, 5)).error().code == ErrorCode::failed_precondition);
    REQUIRE(store->reserve_nonce(row.id).has_value());
    CHECK(store->add_attempt(attempt_of(row, 5))->number == 1);
    CHECK(store->add_attempt(attempt_of(row, 6))->number == 2);
    CHECK(store->add_attempt(attempt_of(row, 5))->number == 1);
    CHECK(store->attempts(row.id)->size() == 2);
    CHECK(store->spent_today(kStoreNow) == U256(100 + 100'000 * 6));
    REQUIRE(store->note_send(row.id, 2, 9).has_value());
    REQUIRE(store->finish(row.id, paid_end()).has_value());
    CHECK(store->add_attempt(attempt_of(row, 7)).error().code == ErrorCode::failed_precondition);
}

TEST_CASE("a receipt that vanished leaves nothing behind") {
    const TempDir dir;
    const auto store = new_store(dir);
    const IntentRow intent = sent_intent(*store, planned_payment({payout_to(3, "a", 1, 100)}));
    CHECK(store->note_unmined(intent.id).error().code == ErrorCode::failed_precondition);
    REQUIRE(store->note_mined({intent.id, "e", filled_with<Hash256>(1), 60, filled_with<Hash256>(2), 1, 5})
                .has_value());
    REQUIRE(store->note_unmined(intent.id).has_value());
    const IntentRow after = **store->intent(intent.id);
    CHECK(after.state == IntentState::sending);
    CHECK_FALSE(after.hash.has_value());
    CHECK(store->observations(intent.id)->empty());
}

TEST_CASE("payouts of a reverted intent are owed again, and reverts are counted until they are paid") {
    const TempDir dir;
    const auto store = new_store(dir);
    const PlannedIntent planned = planned_payment({payout_to(3, "a", 1, 100)});
    const IntentRow first = sent_intent(*store, planned);
    REQUIRE(store->finish(first.id, failed_end(IntentState::final_reverted)).has_value());
    CHECK(store->covered(0)->empty());
    CHECK(store->payouts_of(first.id)->size() == 1);
    CHECK(store->reverts_of_unpaid()->generations == 1);
    CHECK(store->spent_today(kStoreNow) == U256(80'000 * 1'000));

    const IntentRow second = sent_intent(*store, planned);
    CHECK(second.key != first.key);
    SettlementStore::End out_of_gas = failed_end(IntentState::final_reverted);
    out_of_gas.gas_used = second.gas_limit;
    REQUIRE(store->finish(second.id, out_of_gas).has_value());
    CHECK(store->reverts_of_unpaid()->generations == 2);
    CHECK(store->reverts_of_unpaid()->out_of_gas == 1);

    SECTION("the count is cleared once they are paid") {
        const IntentRow third = sent_intent(*store, planned);
        CHECK(store->reverts_of_unpaid()->generations == 2);
        REQUIRE(store->finish(third.id, paid_end()).has_value());
        CHECK(store->reverts_of_unpaid()->generations == 0);
        CHECK(store->add_plan({&planned, 1}, kStoreNow).error().code == ErrorCode::aborted);
    }
    SECTION("the count is cleared when a halt was ended") {
        REQUIRE(store->set_halt({HaltReason::reverted, "thrice", kStoreNow}).has_value());
        CHECK(store->reverts_of_unpaid()->generations == 2);
        REQUIRE(store->set_halt({}).has_value());
        CHECK(store->reverts_of_unpaid()->generations == 0);
    }
}

TEST_CASE("a failed weights step also fails the value step after it") {
    const TempDir dir;
    const auto store = new_store(dir);
    const std::vector<PlannedIntent> plan{planned_weights(3, 3),
                                          planned_payment({payout_to(3, "a", 1, 100)}, IntentKind::value)};
    REQUIRE(store->add_plan(plan, kStoreNow).has_value());
    REQUIRE(store->reserve_nonce(1).has_value());
    REQUIRE(store->add_attempt(attempt_of(**store->intent(1), 5)).has_value());
    REQUIRE(store->note_send(1, 1, 9).has_value());
    REQUIRE(store->finish(1, failed_end(IntentState::final_reverted)).has_value());
    CHECK((**store->intent(2)).state == IntentState::cancelled);
    CHECK(store->covered(0)->empty());
    CHECK(store->reverts_of_unpaid()->generations == 1);
    // The same plan again is another generation, for both intents.
    CHECK(store->add_plan(plan, kStoreNow).has_value());
}

TEST_CASE("the same weights may be sent again after a successful send") {
    const TempDir dir;
    const auto store = new_store(dir);
    const PlannedIntent weights = planned_weights(3, 3);
    for (std::uint64_t id = 1; id <= 2; ++id) {
        REQUIRE(store->add_plan({&weights, 1}, kStoreNow).has_value());
        CHECK(store->add_plan({&weights, 1}, kStoreNow).error().code == ErrorCode::aborted);
        REQUIRE(store->reserve_nonce(id).has_value());
        REQUIRE(store->add_attempt(attempt_of(**store->intent(id), 5)).has_value());
        REQUIRE(store->note_send(id, 1, 9).has_value());
        REQUIRE(store->finish(id, paid_end()).has_value());
    }
}

TEST_CASE("an intent is cancelled if it has no nonce, or after the operator's order") {
    const TempDir dir;
    const auto store = new_store(dir);
    const PlannedIntent planned = planned_payment({payout_to(3, "a", 1, 100)});
    REQUIRE(store->add_plan({&planned, 1}, kStoreNow).has_value());
    REQUIRE(store->finish(1, failed_end(IntentState::cancelled)).has_value());
    CHECK(store->covered(0)->empty());
    CHECK(store->next_nonce() == 7U);

    const IntentRow sent = sent_intent(*store, planned);
    CHECK(store->finish(sent.id, failed_end(IntentState::cancelled)).error().code ==
          ErrorCode::failed_precondition);
    REQUIRE(store->note_cancelling(sent.id).has_value());
    REQUIRE(store->add_attempt(attempt_of(sent, 2'000, AttemptKind::noop)).has_value());
    REQUIRE(store->note_mined({sent.id, "e", filled_with<Hash256>(1), 60, filled_with<Hash256>(2), 1, 5})
                .has_value());
    CHECK((**store->intent(sent.id)).state == IntentState::cancelling);
    REQUIRE(store->finish(sent.id, failed_end(IntentState::cancelled)).has_value());
    CHECK(store->covered(0)->empty());
    CHECK(store->next_nonce() == 8U);
}

TEST_CASE("an intent that lost its nonce ends as cancelled, and a foreign nonce is never assigned") {
    const TempDir dir;
    const auto store = new_store(dir);
    const PlannedIntent planned = planned_payment({payout_to(3, "a", 1, 100)});
    const IntentRow sent = sent_intent(*store, planned);
    SettlementStore::End end = failed_end(IntentState::cancelled);
    end.nonce_lost = true;
    REQUIRE(store->finish(sent.id, end).has_value());
    CHECK(store->covered(0)->empty());
    CHECK(store->next_nonce() == 8U);
    Halt ended;
    ended.free_nonce = 10;
    REQUIRE(store->set_halt(ended).has_value());
    CHECK(store->next_nonce() == 10U);
    CHECK(sent_intent(*store, planned).nonce == 10U);
    CHECK(store->next_nonce() == 11U);
    // With a nonce that is not higher, nothing is given up.
    ended.free_nonce = 11;
    REQUIRE(store->set_halt(ended).has_value());
    CHECK(store->next_nonce() == 11U);
}

TEST_CASE("a halt stays over restarts until it is ended") {
    const TempDir dir;
    auto store = new_store(dir);
    REQUIRE(store->set_halt({HaltReason::foreign_transaction, "nonce 7", 12}).has_value());
    store.reset();
    store = std::move(*SettlementStore::open(dir.path()));
    CHECK(store->halt()->reason == HaltReason::foreign_transaction);
    CHECK(store->halt()->detail == "nonce 7");
    REQUIRE(store->set_halt({}).has_value());
    CHECK(store->halt()->reason == HaltReason::none);
}

TEST_CASE("spending counts for the UTC day in which it was signed") {
    const TempDir dir;
    const auto store = new_store(dir);
    const IntentRow intent = sent_intent(*store, planned_payment({payout_to(3, "a", 1, 100)}));
    const std::int64_t day = 86'400'000;
    CHECK(store->spent_today(kStoreNow) != U256(0));
    CHECK(store->spent_today(kStoreNow + day - 1) != U256(0));
    CHECK(store->spent_today(kStoreNow + day) == U256(0));
    REQUIRE(store->finish(intent.id, paid_end()).has_value());
    CHECK(store->spent_today(kStoreNow + day) == U256(0));
}

TEST_CASE("a flipped bit in a row that decides on a payment is found before anything is paid") {
    const TempDir dir;
    auto store = new_store(dir);
    const PlannedIntent paid = planned_payment({payout_to(3, "agent-paid", 0x51, 123'456'789)});
    const IntentRow intent = sent_intent(*store, paid);
    REQUIRE(store->finish(intent.id, paid_end()));
    const PlannedIntent next = planned_payment({payout_to(4, "agent-next", 0x52, 987'654'321)});
    const IntentRow live = sent_intent(*store, next);
    store.reset();
    const std::string sound = whole_file(dir.path("settlement.db"));
    REQUIRE(SettlementStore::open(dir.path()).has_value());
    const SettlementIdentity identity = settlement_identity_of_test();
    std::size_t flipped = 0;
    for (const std::string& row :
         {std::string("agent-paid"), std::string("agent-next"), std::string("123456789"),
          std::string("987654321"), std::string(as_text(filled_with<Address>(0x51).view())),
          std::string(as_text(filled_with<Address>(0x52).view())),
          std::string(as_text(intent.payouts_hash.view())), std::string(as_text(live.key.view())),
          std::string(as_text(identity.contract.view()))}) {
        for (std::size_t at = sound.find(row); at != std::string::npos; at = sound.find(row, at + 1)) {
            std::string damaged = sound;
            damaged[at + row.size() / 2] = static_cast<char>(damaged[at + row.size() / 2] ^ 1);
            dir.write("settlement.db", damaged);
            const auto opened = SettlementStore::open(dir.path());
            CAPTURE(row.substr(0, 10), at);
            REQUIRE_FALSE(opened.has_value());
            CHECK(opened.error().code == ErrorCode::data_loss);
            CHECK(opened.error().hint.find("settle init --rebuild") != std::string::npos);
            ++flipped;
        }
    }
    CHECK(flipped >= 18);  // most of them are in the file twice
    dir.write("settlement.db", sound);
    CHECK(SettlementStore::open(dir.path()).has_value());
}

TEST_CASE("a payout without a transaction is found, and so are other totals") {
    const TempDir dir;
    auto store = new_store(dir);
    const PlannedIntent planned = planned_payment({payout_to(3, "a", 1, 100), payout_to(3, "b", 2, 50)});
    const IntentRow intent = sent_intent(*store, planned);
    REQUIRE(store->finish(intent.id, paid_end()));
    store.reset();
    SECTION("a payout was covered by another transaction") {
        alter(dir, "INSERT INTO cover VALUES(3, 'c', 1)");
    }
    SECTION("a payout would be reported as paid to another agent") {
        alter(dir, "UPDATE covered SET agent = 'c' WHERE agent = 'a'");
        auto view = SettlementView::open(dir.path());
        REQUIRE(view.has_value());
        std::uint64_t after = 0;
        CHECK((*view)->newly_paid(&after, 10).error().code == ErrorCode::data_loss);
        CHECK(after == 0);
    }
    SECTION("less seems to be spent today") {
        alter(dir, "UPDATE spend SET value_rau = '1'");
    }
    SECTION("the spending seems to be of another day") {
        alter(dir, "UPDATE spend SET day = day + 1");
    }
    SECTION("more epochs would be paid") {
        alter(dir, "UPDATE meta SET first_epoch = 1");
    }
    CHECK(SettlementStore::open(dir.path()).error().code == ErrorCode::data_loss);
    CHECK(SettlementStore::open(dir.path(), SettlementStore::FileCheck::schema).has_value());
}

TEST_CASE("a file without its tables is not mistaken for an interrupted init") {
    const TempDir dir;
    new_store(dir).reset();
    std::string bytes = whole_file(dir.path("settlement.db"));
    bytes[103] = bytes[104] = 0;                                 // the number of rows in the table of tables
    std::fill(bytes.begin() + 68, bytes.begin() + 72, char{0});  // the application's id
    dir.write("settlement.db", bytes);
    CHECK(SettlementStore::open(dir.path()).error().code == ErrorCode::data_loss);
    CHECK_FALSE(SettlementStore::create(dir.path(), settlement_identity_of_test()).has_value());
}

TEST_CASE("a rebuilt file with a settlement from before its first epoch can be opened") {
    const TempDir dir;
    SettledBefore before;
    before.planned = planned_payment({payout_to(2, "a", 1, 100), payout_to(3, "a", 1, 50)});
    before.hash = filled_with<Hash256>(5);
    before.block = 40;
    REQUIRE(SettlementStore::create(dir.path(), settlement_identity_of_test(), {&before, 1}).has_value());
    const auto store = SettlementStore::open(dir.path());
    REQUIRE(store.has_value());
    CHECK((*store)->covered(0)->contains({2, "a"}));
}
