// SPDX-License-Identifier: Apache-2.0
#include "settlement/ledger_payouts.hpp"

#include <filesystem>

#include "core/sqlite/sqlite.hpp"
#include "test/settlement/ledger_file.hpp"
#include "test/settlement/store_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using ioswarm::settlement::LedgerPayouts;

TEST_CASE("waiting payouts are owed to the wallet at the epoch's end, or else to the agent's current wallet") {
    LedgerFile file;
    const auto early = filled_with<Address>(1);
    const auto late = filled_with<Address>(2);
    file.change([](LedgerTx& tx) { return tx.set_chain({4690, 2}); });
    file.name_wallet("a", filled_with<Address>(9));
    file.close_epoch(1, {{"a", 10, early, PayoutNotice::sent}, {"b", 20, std::nullopt, PayoutNotice::due}});
    file.close_epoch(2, {{"a", 11, early}, {"b", 21, std::nullopt}, {"c", 31, std::nullopt}});
    file.name_wallet("b", late);

    LedgerPayouts payouts(file.dir.path());
    const auto facts = payouts.read(0);

    REQUIRE(facts);
    CHECK(facts->chain == ChainIdentity{4690, 2});
    CHECK(facts->last_height == 23);
    CHECK(facts->next_epoch == 3);
    REQUIRE(facts->waiting.size() == 3);
    CHECK(facts->waiting[0].agent_id == "a");
    CHECK(facts->waiting[0].amount_rau == 11);
    CHECK(facts->waiting[0].wallet == early);
    CHECK(facts->waiting[0].first_height == 11);
    CHECK(facts->waiting[0].last_height == 20);
    CHECK(facts->waiting[1].wallet == late);
    CHECK_FALSE(facts->waiting[2].wallet);
    CHECK(payouts.read(3)->waiting.empty());

    const auto all = payouts.all(1);
    REQUIRE(all);
    CHECK(all->size() == 5);
    CHECK_FALSE(all->front().waiting);
}

TEST_CASE("a wallet that can never be paid gives way to the one that the agent names now") {
    LedgerFile file;
    const auto contract = filled_with<Address>(0xc0);
    const auto good = filled_with<Address>(2);
    file.close_epoch(1, {{"a", 10, contract}, {"b", 20, contract}, {"c", 30, Address{}}, {"d", 40, good}});
    file.name_wallet("a", good);
    file.name_wallet("b", contract);
    file.name_wallet("d", filled_with<Address>(9));

    auto facts = LedgerPayouts(file.dir.path()).read(0);
    REQUIRE(facts);
    CHECK(facts->altered.empty());
    settlement::use_payable_wallets(facts->waiting, contract);
    REQUIRE(facts->waiting.size() == 4);
    CHECK(facts->waiting[0].wallet == good);
    CHECK(facts->waiting[0].unusable_wallet == contract);
    CHECK_FALSE(facts->waiting[1].wallet);
    CHECK(facts->waiting[1].unusable_wallet == contract);
    CHECK_FALSE(facts->waiting[2].wallet);
    CHECK(facts->waiting[2].unusable_wallet == Address{});
    // The wallet in force when the epoch closed can be paid, so it is.
    CHECK(facts->waiting[3].wallet == good);
    CHECK_FALSE(facts->waiting[3].unusable_wallet);
}

TEST_CASE("a damaged wallet of an agent never takes the place of one that cannot be paid") {
    LedgerFile file;
    const auto contract = filled_with<Address>(0xc0);
    file.close_epoch(1, {{"a", 10, contract}});
    file.name_wallet("a", filled_with<Address>(2));
    file.close();
    {
        auto database =
            sqlite::Database::open(file.dir.path("ledger.db"), sqlite::Database::Mode::read_write, "ledger");
        REQUIRE(database);
        REQUIRE(
            database->execute("UPDATE agents SET wallet = x'" + std::string(40, '3') + "' WHERE agent = 'a'"));
    }
    auto facts = LedgerPayouts(file.dir.path()).read(0);
    REQUIRE(facts);
    settlement::use_payable_wallets(facts->waiting, contract);
    CHECK_FALSE(facts->waiting.at(0).wallet);
}

TEST_CASE("a ledger without a chain, and one without epochs, can be read") {
    LedgerFile file;
    LedgerPayouts payouts(file.dir.path());
    CHECK_FALSE(payouts.read(0)->chain);
    CHECK(payouts.read(0)->waiting.empty());
    CHECK(payouts.oldest_epoch() == 0U);
    file.close_epoch(4, {{"a", 1, std::nullopt}});
    file.close_epoch(5, {});
    CHECK(payouts.oldest_epoch() == 4U);
    // Epochs 6 to 8 were dropped. The older ones are still there because they are owed.
    file.close_epoch(9, {{"a", 1, std::nullopt}});
    file.close_epoch(10, {});
    CHECK(payouts.oldest_epoch() == 9U);
}

TEST_CASE("more payouts than one page are read completely, each once and in order") {
    LedgerFile file;
    constexpr std::size_t kAgents = 3'500;
    std::vector<LedgerFile::Payout> rows;
    for (std::size_t i = 0; i < kAgents; ++i) {
        std::string agent = std::to_string(100'000 + i);
        rows.push_back(
            {agent, 1 + i, filled_with<Address>(7), i % 3 == 0 ? PayoutNotice::sent : PayoutNotice::waiting});
    }
    for (std::uint64_t epoch = 1; epoch <= 3; ++epoch)
        file.close_epoch(epoch, rows);

    LedgerPayouts payouts(file.dir.path());
    const auto facts = payouts.read(0);

    REQUIRE(facts);
    std::size_t at = 0;
    for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
        for (std::size_t i = 0; i < kAgents; ++i) {
            if (i % 3 == 0) continue;
            REQUIRE(at < facts->waiting.size());
            REQUIRE(facts->waiting[at].epoch == epoch);
            REQUIRE(facts->waiting[at].agent_id == rows[i].agent);
            REQUIRE(facts->waiting[at].amount_rau == rows[i].amount);
            ++at;
        }
    }
    CHECK(at == facts->waiting.size());
}

TEST_CASE("amounts of given payouts are returned in the same order, and missing ones as missing") {
    LedgerFile file;
    file.close_epoch(1, {{"a", 10, std::nullopt, PayoutNotice::sent}, {"b", 20, std::nullopt}});
    LedgerPayouts payouts(file.dir.path());
    std::vector<std::pair<std::uint64_t, std::string>> keys{{1, "b"}, {1, "x"}, {2, "a"}, {1, "a"}};
    const auto amounts = payouts.amounts(keys);
    REQUIRE(amounts);
    CHECK(*amounts == std::vector<std::optional<U256>>{U256(20), std::nullopt, std::nullopt, U256(10)});

    keys.assign(1'200, {1, "a"});
    CHECK(payouts.amounts(keys)->size() == 1'200);
}

TEST_CASE("the next read sees payouts marked as paid and epochs that ended later") {
    LedgerFile file;
    file.close_epoch(1, {{"a", 10, filled_with<Address>(1)}});
    LedgerPayouts payouts(file.dir.path());
    CHECK(payouts.read(0)->waiting.size() == 1);

    file.close();
    {
        auto database =
            sqlite::Database::open(file.dir.path("ledger.db"), sqlite::Database::Mode::read_write, "ledger");
        REQUIRE(database);
        REQUIRE(database->execute("UPDATE payouts SET notice = 0 WHERE epoch = 1"));
    }
    CHECK(payouts.read(0)->waiting.empty());
    file.open();
    file.close_epoch(2, {{"a", 12, filled_with<Address>(1)}});
    REQUIRE(payouts.read(0)->waiting.size() == 1);
    CHECK(payouts.read(0)->waiting[0].epoch == 2);
}

TEST_CASE("a backup that replaces the ledger is noticed, and its older waiting payouts are read") {
    LedgerFile current;
    LedgerFile backup;
    backup.close_epoch(1, {{"a", 10, filled_with<Address>(1)}});
    current.close_epoch(1, {{"a", 10, filled_with<Address>(1), PayoutNotice::sent}});
    current.close_epoch(2, {{"a", 11, filled_with<Address>(1), PayoutNotice::sent}});
    LedgerPayouts payouts(current.dir.path());
    CHECK(payouts.read(0)->waiting.empty());

    current.close();
    backup.close();
    std::filesystem::rename(backup.dir.path("ledger.db"), current.dir.path("ledger.db"));
    const auto facts = payouts.read(0);
    REQUIRE(facts);
    REQUIRE(facts->waiting.size() == 1);
    CHECK(facts->waiting[0].epoch == 1);
    CHECK(facts->next_epoch == 2);
}

TEST_CASE("reading the ledger next to its writer moves nothing from the WAL into the file") {
    LedgerFile file;
    file.close_epoch(1, {{"a", 10, filled_with<Address>(1)}});
    file.close();
    auto writer =
        sqlite::Database::open(file.dir.path("ledger.db"), sqlite::Database::Mode::read_write, "ledger");
    REQUIRE(writer);
    REQUIRE(writer->execute("PRAGMA wal_autocheckpoint = 0; UPDATE payouts SET amount_rau = '11'"));
    const auto wal = std::filesystem::file_size(file.dir.path("ledger.db-wal"));
    REQUIRE(wal > 0);
    const std::string before = file.dir.read("ledger.db");

    LedgerPayouts payouts(file.dir.path());
    for (int i = 0; i < 20; ++i)
        REQUIRE(payouts.read(0)->waiting.at(0).amount_rau == 11);

    const bool unchanged = file.dir.read("ledger.db") == before;
    CHECK(unchanged);
    CHECK(std::filesystem::file_size(file.dir.path("ledger.db-wal")) == wal);
}

TEST_CASE("a missing ledger, a foreign file and a newer version give different errors") {
    const TempDir dir;
    LedgerPayouts payouts(dir.path());
    CHECK(payouts.read(0).error().code == ErrorCode::not_found);
    dir.write("ledger.db",
              "this is no database, and it is longer than a header of a hundred bytes would be: "
              "so SQLite looks at it and sees that it is none");
    CHECK(payouts.read(0).error().code == ErrorCode::data_loss);

    LedgerFile newer;
    newer.close();
    {
        auto database =
            sqlite::Database::open(newer.dir.path("ledger.db"), sqlite::Database::Mode::read_write, "ledger");
        REQUIRE(database);
        REQUIRE(database->execute("UPDATE meta SET value = 999 WHERE key = 'schema_version'"));
    }
    LedgerPayouts other(newer.dir.path());
    CHECK(other.read(0).error().code == ErrorCode::failed_precondition);
}
