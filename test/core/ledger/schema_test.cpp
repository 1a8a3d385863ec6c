// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/schema.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "core/ledger/ledger.hpp"
#include "core/ledger/ledger_copy.hpp"
#include "core/sqlite/sqlite.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

namespace ioswarm {
namespace {

using test::TempDir;

/// A directory with a ledger that a program of this version wrote.
void put_version(const std::string& dir, int version) {
    std::filesystem::create_directory(dir);
    std::filesystem::permissions(dir, std::filesystem::perms::owner_all);
    std::ofstream(dir + "/ledger.db", std::ios::binary)
        << test::read_data("ledger/version-" + std::to_string(version) + ".db");
    std::filesystem::permissions(dir + "/ledger.db", std::filesystem::perms(0600));
}

LedgerState state_of(const std::string& dir) {
    auto ledger = Ledger::open(dir);
    if (!ledger) FAIL(ledger.error().text());
    LedgerState out;
    REQUIRE((*ledger)->run([&](LedgerTx& tx) -> Status {
        auto loaded = tx.load();
        if (!loaded) return fail(loaded.error());
        out = std::move(*loaded);
        return {};
    }));
    return out;
}

std::int64_t version_in(const std::string& file) {
    auto database = sqlite::Database::open(file, sqlite::Database::Mode::read_write, "ledger");
    REQUIRE(database);
    const auto version = database->query_integer("SELECT value FROM meta WHERE key = 'schema_version'");
    REQUIRE(version);
    return version->value_or(0);
}

}  // namespace

TEST_CASE("a ledger of version 1 is upgraded to version 3 without loss") {
    const TempDir dir;
    const std::string data = dir.path("data");
    put_version(data, 1);
    for (int opened = 0; opened < 2; ++opened) {  // the second time, nothing is left to migrate
        const LedgerState state = state_of(data);
        CHECK(state.numbers.last_height == 19);
        CHECK(state.numbers.epoch == 3);
        CHECK(state.numbers.closed_tasks == 799);
        CHECK(state.numbers.compared == 768);
        CHECK(state.numbers.matched == 768);
        CHECK(state.numbers.state_race_excluded == 0);
        CHECK(state.numbers.evm_gas_matches == 0);
        CHECK(state.numbers.evm_state_mismatches == 0);
        REQUIRE(state.answers.size() == 890);
        CHECK(state.answers.front().id == 1);
        CHECK(state.answers.back().id == 890);
        CHECK(state.answers.back().agent_id.starts_with("test-agent-0"));
        CHECK(state.answers.back().valid);
        CHECK(state.answers.back().run == RunComparison{});
        CHECK(state.work.size() == 3);
        CHECK(state.recent.size() == 19);
    }
    CHECK(version_in(data + "/ledger.db") == 3);
    const auto ledger = Ledger::open(data);
    REQUIRE(ledger);
    const auto agent = (*ledger)->agent("test-agent-01");
    REQUIRE(agent);
    REQUIRE(*agent);
    CHECK(to_decimal((*agent)->earned_rau) == "455849799286351472");
    CHECK((*ledger)->payouts("test-agent-01", 10)->size() == 3);
}

TEST_CASE("a ledger of version 2 is upgraded to version 3 without loss, and its epochs stay as they are") {
    const TempDir dir;
    const std::string data = dir.path("data");
    put_version(data, 2);
    for (int opened = 0; opened < 2; ++opened) {
        const LedgerState state = state_of(data);
        CHECK(state.numbers.last_height == 11);
        CHECK(state.numbers.epoch == 5);
        CHECK(state.numbers.closed_tasks == 379);
        CHECK(state.numbers.matched == 358);
        CHECK(state.answers.size() == 379);
        CHECK(state.work.size() == 3);
    }
    CHECK(version_in(data + "/ledger.db") == 3);
    const auto facts = examine_ledger(data);
    REQUIRE(facts);
    CHECK(facts->problems.empty());
    CHECK(facts->closed_epochs == 5);
    CHECK(facts->payouts == 12);
    CHECK(facts->waiting_payouts == 12);
    CHECK(facts->waiting_rau == *u256_from_decimal("1800000000000000000"));

    const auto opened = Ledger::open(data);
    REQUIRE(opened);
    Ledger& ledger = **opened;
    CHECK(to_decimal((*ledger.agent("sim-agent-00003"))->earned_rau) == "613978819400927434");
    const auto payouts = ledger.payouts_of_epoch(4);
    REQUIRE(payouts);
    REQUIRE(payouts->size() == 3);
    const auto named = [&](std::string_view agent) {
        return *std::ranges::find(*payouts, agent, &PayoutRow::agent_id);
    };
    CHECK(to_decimal(named("sim-agent-00002").amount_rau) == "165189873417721519");
    CHECK(to_hex(named("sim-agent-00002").wallet->view()) == std::string(40, '2'));
    CHECK_FALSE(named("sim-agent-00003").wallet);
    CHECK(named("sim-agent-00003").notice == PayoutNotice::waiting);
    // The epochs that are there have no hash. Those that close from now on must have one.
    bool marked = false;
    REQUIRE(ledger.run([&](LedgerTx& tx) -> Status {
        const auto due = tx.mark_notice_due(3, "sim-agent-00001");
        if (!due) return fail(due.error());
        marked = *due;
        return {};
    }));
    CHECK(marked);
    CHECK(ledger.due_payouts("sim-agent-00001", 5)->size() == 1);
}

TEST_CASE("an altered ledger of version 2 is refused and not changed") {
    const TempDir dir;
    const std::string data = dir.path("data");
    put_version(data, 2);
    {
        auto database =
            sqlite::Database::open(data + "/ledger.db", sqlite::Database::Mode::read_write, "ledger");
        REQUIRE(database);
        REQUIRE(database->execute("ALTER TABLE payouts ADD COLUMN more INTEGER"));
    }
    const auto ledger = Ledger::open(data);
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().code == ErrorCode::data_loss);
    CHECK(ledger.error().why.find("version 2") != std::string::npos);
    CHECK(version_in(data + "/ledger.db") == 2);
}

TEST_CASE("an altered ledger of version 1 is refused and not changed") {
    const TempDir dir;
    const std::string data = dir.path("data");
    put_version(data, 1);
    {
        auto database =
            sqlite::Database::open(data + "/ledger.db", sqlite::Database::Mode::read_write, "ledger");
        REQUIRE(database);
        REQUIRE(database->execute("ALTER TABLE answers ADD COLUMN more INTEGER"));
    }
    const auto ledger = Ledger::open(data);
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().code == ErrorCode::data_loss);
    CHECK(ledger.error().why.find("version 1") != std::string::npos);
    CHECK(version_in(data + "/ledger.db") == 1);
}

}  // namespace ioswarm
