// SPDX-License-Identifier: Apache-2.0
// The two files can be read in a directory that cannot be written, where SQLite allows it.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "core/sqlite/sqlite.hpp"
#include "settlement/ledger_payouts.hpp"
#include "settlement/view.hpp"
#include "test/settlement/ledger_file.hpp"
#include "test/settlement/store_fixture.hpp"
#include "test/support/without_rights.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;

namespace {

namespace fs = std::filesystem;

/// A data directory with one payout that is owed and one that is under way.
struct ClosedDirectory {
    LedgerFile ledger;
    const fs::path dir = ledger.dir.path();

    ClosedDirectory() {
        ledger.close_epoch(3, {{"a", 10, filled_with<Address>(1)}});
        auto store = SettlementStore::create(dir, settlement_identity_of_test());
        REQUIRE(store);
        const std::vector<PlannedIntent> plan{planned_payment({payout_to(4, "b", 2, 20)})};
        REQUIRE((*store)->add_plan(plan, 1).has_value());
    }
    ~ClosedDirectory() { allow_writing(dir); }
    ClosedDirectory(const ClosedDirectory&) = delete;
    ClosedDirectory& operator=(const ClosedDirectory&) = delete;

    /// Leaves files as a process does that was killed: changes wait in the WAL, and nothing else is there.
    void leave_wal(const std::string& name) const {
        const std::string file = (dir / name).string();
        std::string wal;
        {
            auto writer = sqlite::Database::open(file, sqlite::Database::Mode::read_write, name);
            REQUIRE(writer);
            REQUIRE(writer->execute("PRAGMA wal_autocheckpoint = 0; CREATE TABLE extra(a)"));
            std::ifstream in(file + "-wal", std::ios::binary);
            wal.assign(std::istreambuf_iterator<char>(in), {});
        }
        REQUIRE_FALSE(wal.empty());
        std::ofstream(file + "-wal", std::ios::binary) << wal;
        fs::remove(file + "-shm");
    }
};

bool asks_for_a_copy(const Error& error) {
    return error.code == ErrorCode::failed_precondition && error.why.find("-wal") != std::string::npos &&
           error.hint.find("--data-dir") != std::string::npos;
}

}  // namespace

TEST_CASE("given a directory that cannot be written, when nothing waits in the WAL, then both files are read") {
    ClosedDirectory closed;
    closed.ledger.close();
    SECTION("without a WAL") {}
    SECTION("with an empty WAL that another process left") {
        std::ofstream(closed.dir / "settlement.db-wal").flush();
        std::ofstream(closed.dir / "ledger.db-wal").flush();
    }
    forbid_writing(closed.dir);
    CHECK(holds_without_rights([&] {
        const auto view = SettlementView::open(closed.dir);
        return view && (*view)->summary() && (*view)->summary()->live;
    }));
    CHECK(holds_without_rights([&] {
        const auto store = SettlementStore::open_read_only(closed.dir);
        return store && (*store)->live_intent() && (*store)->live_intent()->has_value();
    }));
    CHECK(holds_without_rights([&] {
        const auto facts = LedgerPayouts(closed.dir).read(0);
        return facts && facts->waiting.size() == 1;
    }));
}

TEST_CASE(
    "given a directory that cannot be written, when changes wait in the WAL, then the error says what to do") {
    ClosedDirectory closed;
    closed.ledger.close();
    closed.leave_wal("settlement.db");
    closed.leave_wal("ledger.db");
    forbid_writing(closed.dir);
    CHECK(holds_without_rights([&] {
        const auto view = SettlementView::open(closed.dir);
        return !view && asks_for_a_copy(view.error());
    }));
    CHECK(holds_without_rights([&] {
        const auto facts = LedgerPayouts(closed.dir).read(0);
        return !facts && asks_for_a_copy(facts.error());
    }));
}

TEST_CASE("a settlement file that was opened for reading is not written, and does not keep a settler out") {
    ClosedDirectory closed;
    const auto reader = SettlementStore::open_read_only(closed.dir);
    REQUIRE(reader);
    CHECK_FALSE((*reader)->set_hold({HoldReason::balance, "too little"}, 1).has_value());
    CHECK_FALSE((*reader)->reserve_nonce(1).has_value());
    const auto writer = SettlementStore::open(closed.dir);
    REQUIRE(writer);
    REQUIRE((*writer)->reserve_nonce(1).has_value());
    CHECK((*reader)->live_intent()->value().state == IntentState::reserved);
    CHECK(SettlementStore::open_read_only(closed.dir).has_value());
}
