// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/notices.hpp"

#include <condition_variable>
#include <mutex>

#include <catch2/catch.hpp>

#include "settlement/store.hpp"
#include "test/settlement/ledger_file.hpp"
#include "test/settlement/store_fixture.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using settlement::IntentState;
using settlement::SettlementStore;

namespace {

/// Collects the reported payouts and waits for them.
struct Marks {
    std::mutex mutex;
    std::condition_variable changed;
    cli::PayoutKeys got;
    int failures = 0;  ///< number of calls that fail before one succeeds

    cli::SettlementNotices::Mark mark() {
        return [this](const cli::PayoutKeys& keys) -> Result<std::size_t> {
            const std::lock_guard lock(mutex);
            if (failures-- > 0) return fail(ErrorCode::io, "cannot write", {}, "no space");
            got.insert(got.end(), keys.begin(), keys.end());
            changed.notify_all();
            return keys.size();
        };
    }
    bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::minutes(1), [&] { return got.size() >= count; });
    }
};

void make_final(SettlementStore& store, IntentState state) {
    const auto live = *store.live_intent();
    REQUIRE(live);
    REQUIRE(store.reserve_nonce(live->id));
    const auto attempt = store.add_attempt(attempt_of(*live, 5));
    REQUIRE(attempt);
    REQUIRE(store.note_send(live->id, attempt->number, 50));
    SettlementStore::End end;
    end.state = state;
    end.hash = attempt->hash;
    end.block = 60;
    REQUIRE(store.finish(live->id, end));
}

}  // namespace

TEST_CASE("payouts that became final are passed on once, even if the first try fails", "[settle]") {
    const TempDir dir;
    Marks marks;
    marks.failures = 1;
    // Given: serve started before `settle init` was run.
    const cli::SettlementNotices notices(dir.path(), marks.mark(), {}, std::chrono::milliseconds(5));
    const auto store = *SettlementStore::create(dir.path(), settlement_identity_of_test());
    const std::vector<settlement::PlannedIntent> plan{
        planned_payment({payout_to(3, "a", 1, 10), payout_to(3, "b", 2, 20)}),
        planned_payment({payout_to(4, "a", 1, 10)}), planned_payment({payout_to(5, "b", 2, 10)})};
    REQUIRE(store->add_plan(plan, 1));
    make_final(*store, IntentState::final_ok);
    REQUIRE(marks.wait_for(2));
    make_final(*store, IntentState::final_reverted);
    make_final(*store, IntentState::final_ok);
    REQUIRE(marks.wait_for(3));
    const std::lock_guard lock(marks.mutex);
    CHECK(marks.got == cli::PayoutKeys{{"a", 3}, {"b", 3}, {"b", 5}});
}

TEST_CASE("a settlement.db that takes the place of another one is read from its beginning", "[settle]") {
    const TempDir dir;
    Marks marks;
    const cli::SettlementNotices notices(dir.path(), marks.mark(), {}, std::chrono::milliseconds(5));
    const auto settle = [&](std::uint64_t epoch) {
        const auto store = *SettlementStore::create(dir.path(), settlement_identity_of_test());
        const std::vector<settlement::PlannedIntent> plan{planned_payment({payout_to(epoch, "a", 1, 10)})};
        REQUIRE(store->add_plan(plan, 1));
        make_final(*store, IntentState::final_ok);
    };
    settle(3);
    REQUIRE(marks.wait_for(1));
    for (const char* part : {"", "-wal", "-shm"}) {
        const std::string file = dir.path(std::string("settlement.db") + part);
        if (std::filesystem::exists(file))
            std::filesystem::rename(file, dir.path(std::string("old.db") + part));
    }
    settle(4);
    REQUIRE(marks.wait_for(2));
    const std::lock_guard lock(marks.mutex);
    CHECK(marks.got == cli::PayoutKeys{{"a", 3}, {"a", 4}});
}

TEST_CASE(
    "given epochs that closed without a contract, when serve starts with one, then it says what is not paid",
    "[settle]") {
    LedgerFile file;
    CHECK(cli::announced_before_contract(file.dir.path()).empty());
    file.close_epoch(3,
                     {{"a", 10, std::nullopt, PayoutNotice::sent}, {"b", 0, std::nullopt, PayoutNotice::due}});
    file.close_epoch(4, {{"a", 10, std::nullopt, PayoutNotice::due}});
    CHECK(cli::announced_before_contract(file.dir.path()) ==
          "epochs 3 to 4 closed before rewardContract was set: 2 payouts were announced to the agents and are "
          "never settled. What agents earn from now on is paid through the contract");

    // The first epoch that closes with the contract ends the warning.
    file.close_epoch(5, {{"a", 10, std::nullopt}});
    CHECK(cli::announced_before_contract(file.dir.path()).empty());
}

TEST_CASE("a settlement.db that has paid says that the contract is not new", "[settle]") {
    LedgerFile file;
    file.close_epoch(3, {{"a", 10, std::nullopt, PayoutNotice::sent}});
    const auto store = *SettlementStore::create(file.dir.path(), settlement_identity_of_test());
    CHECK_FALSE(cli::announced_before_contract(file.dir.path()).empty());
    const std::vector<settlement::PlannedIntent> plan{planned_payment({payout_to(3, "a", 1, 10)})};
    REQUIRE(store->add_plan(plan, 1));
    make_final(*store, IntentState::final_ok);
    CHECK(cli::announced_before_contract(file.dir.path()).empty());
}
