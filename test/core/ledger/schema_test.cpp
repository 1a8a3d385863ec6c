// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/schema.hpp"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "core/ledger/ledger.hpp"
#include "core/sqlite/sqlite.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

namespace ioswarm {
namespace {

using test::TempDir;

/// A directory with a ledger that the program wrote before version 2.
void put_version_1(const std::string& dir) {
    std::filesystem::create_directory(dir);
    std::filesystem::permissions(dir, std::filesystem::perms::owner_all);
    std::ofstream(dir + "/ledger.db", std::ios::binary) << test::read_data("ledger/version-1.db");
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

TEST_CASE("a ledger of version 1 is upgraded to version 2 without loss") {
    const TempDir dir;
    const std::string data = dir.path("data");
    put_version_1(data);
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
    CHECK(version_in(data + "/ledger.db") == 2);
    const auto ledger = Ledger::open(data);
    REQUIRE(ledger);
    const auto agent = (*ledger)->agent("test-agent-01");
    REQUIRE(agent);
    REQUIRE(*agent);
    CHECK(to_decimal((*agent)->earned_rau) == "455849799286351472");
    CHECK((*ledger)->payouts("test-agent-01", 10)->size() == 3);
}

TEST_CASE("an altered ledger of version 1 is refused and not changed") {
    const TempDir dir;
    const std::string data = dir.path("data");
    put_version_1(data);
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
