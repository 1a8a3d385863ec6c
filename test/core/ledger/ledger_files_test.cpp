// SPDX-License-Identifier: Apache-2.0
// The ledger's files: a copy without its WAL, checkpoints, backups, and the chain that the ledger belongs to.
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <sys/stat.h>
#include <catch2/catch.hpp>

#include "core/ledger/ledger.hpp"
#include "core/ledger/ledger_copy.hpp"
#include "core/sqlite/sqlite.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm {
namespace {

using test::TempDir;
namespace fs = std::filesystem;

std::unique_ptr<Ledger> open_ledger(const std::string& dir, const LedgerOptions& options = {}) {
    auto ledger = Ledger::open(dir, {}, options);
    if (!ledger) FAIL(ledger.error().text());
    return std::move(*ledger);
}

void add_answer(Ledger& ledger, std::uint64_t id) {
    REQUIRE(ledger.run([&](LedgerTx& tx) {
        AnswerRow row;
        row.id = id;
        row.agent_id = "a";
        return tx.add_answer(row);
    }));
}

std::uint64_t answers_held(Ledger& ledger) {
    std::uint64_t count = 0;
    REQUIRE(ledger.run([&](LedgerTx& tx) -> Status {
        const auto state = tx.load();
        if (!state) return fail(state.error());
        count = state->answers.size();
        return {};
    }));
    return count;
}

/// Adds an epoch with one payout, as closing an epoch does.
Status add_epoch(LedgerTx& tx, std::uint64_t epoch, PayoutNotice notice = PayoutNotice::due) {
    EpochRow row;
    row.epoch = epoch;
    row.first_height = epoch * 10 + 1;
    row.last_height = epoch * 10 + 10;
    row.pool_rau = 700;
    PayoutRow payout;
    payout.epoch = epoch;
    payout.agent_id = "a";
    payout.amount_rau = 700;
    payout.notice = notice;
    if (Status status = tx.add_epoch(row, {&payout, 1}); !status) return status;
    LedgerNumbers numbers;
    numbers.epoch = epoch + 1;
    numbers.last_height = row.last_height;
    return tx.set_numbers(numbers);
}

/// Copies the directory as a file backup does that knows nothing of SQLite's WAL.
void copy_without_wal(const std::string& from, const std::string& to) {
    fs::create_directory(to);
    fs::permissions(to, fs::perms::owner_all);
    for (const auto& entry : fs::directory_iterator(from)) {
        const std::string name = entry.path().filename();
        if (name != "ledger.db-wal" && name != "ledger.db-shm") fs::copy(entry.path(), to + "/" + name);
    }
}

Error refusal(const std::string& dir) {
    const auto ledger = Ledger::open(dir);
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().code == ErrorCode::data_loss);
    CHECK(ledger.error().hint.find("rm " + dir + "/ledger.mark") != std::string::npos);
    return ledger.error();
}

constexpr std::chrono::hours kNever{1000};

}  // namespace

TEST_CASE("a copy of a running ledger is refused without its WAL, and accepted with it") {
    const TempDir dir;
    const std::string data = dir.path("data");
    const LedgerOptions options;
    auto ledger = open_ledger(data, options);
    add_answer(*ledger, 1);
    // Sooner or later the first answer is in the database file itself; later ones are in the WAL.
    while (options.metrics.value("ledger_checkpoints") == 0)
        std::this_thread::yield();
    add_answer(*ledger, 2);
    copy_without_wal(data, dir.path("copy"));
    fs::copy(data, dir.path("whole"), fs::copy_options::recursive);
    fs::permissions(dir.path("whole"), fs::perms::owner_all);

    CHECK(refusal(dir.path("copy")).why.find("ledger.db-wal is missing") == 0);
    CHECK_FALSE(fs::exists(dir.path("copy") + "/ledger.db-wal"));  // the database was not opened
    CHECK(answers_held(*open_ledger(dir.path("whole"))) == 2);
}

TEST_CASE("a ledger that was closed is complete without a WAL") {
    const TempDir dir;
    add_answer(*open_ledger(dir.path("data")), 1);
    copy_without_wal(dir.path("data"), dir.path("copy"));
    CHECK(answers_held(*open_ledger(dir.path("copy"))) == 1);
}

TEST_CASE("a directory that had a ledger before does not start an empty one by itself") {
    const TempDir dir;
    const std::string data = dir.path("data");
    add_answer(*open_ledger(data), 1);
    SECTION("ledger.db is missing") {
        fs::remove(data + "/ledger.db");
    }
    SECTION("ledger.db has 0 bytes") {
        fs::resize_file(data + "/ledger.db", 0);
    }
    SECTION("ledger.db is an empty database") {
        open_ledger(dir.path("other"));
        fs::copy(dir.path("other") + "/ledger.db", data + "/ledger.db", fs::copy_options::overwrite_existing);
    }
    CHECK(refusal(data).why.find("it is empty, although this directory was used before") == 0);
    CHECK(refusal(data).why.find("it is empty") == 0);  // the first attempt changed nothing
    fs::remove(data + "/ledger.mark");
    CHECK(answers_held(*open_ledger(data)) == 0);
}

TEST_CASE("a ledger without answers or payouts may be lost") {
    const TempDir dir;
    {
        const auto ledger = open_ledger(dir.path("data"));
        REQUIRE(ledger->run([](LedgerTx& tx) -> Status {
            LedgerNumbers numbers;
            numbers.last_height = 5;
            if (Status status = tx.set_numbers(numbers); !status) return status;
            return tx.set_agent({"a", Address{}, {}, 0, 0, 0, 0});
        }));
    }
    CHECK_FALSE(fs::exists(dir.path("data") + "/ledger.mark"));
    fs::remove(dir.path("data") + "/ledger.db");
    open_ledger(dir.path("data"));
}

TEST_CASE("a ledger without a mark gets one when it is opened") {
    const TempDir dir;
    const std::string data = dir.path("data");
    add_answer(*open_ledger(data), 1);
    fs::remove(data + "/ledger.mark");
    const auto ledger = open_ledger(data);
    copy_without_wal(data, dir.path("copy"));
    refusal(dir.path("copy"));
}

TEST_CASE("a mark with unexpected content is reported as data_loss") {
    const TempDir dir;
    add_answer(*open_ledger(dir.path("data")), 1);
    fs::resize_file(dir.path("data") + "/ledger.mark", 3);
    const auto ledger = Ledger::open(dir.path("data"));
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().code == ErrorCode::data_loss);
}

TEST_CASE("committed data is moved into the file within the interval, and a WAL that has grown is truncated") {
    const TempDir dir;
    LedgerOptions options;
    options.checkpoint_interval = std::chrono::milliseconds(0);
    options.max_wal_bytes = 0;
    const auto ledger = open_ledger(dir.path("data"), options);
    for (std::uint64_t id = 1; id <= 50; ++id)
        add_answer(*ledger, id);
    const std::string wal = dir.path("data") + "/ledger.db-wal";
    while (fs::file_size(wal) != 0)
        std::this_thread::yield();
    fs::create_directory(dir.path("alone"));
    fs::permissions(dir.path("alone"), fs::perms::owner_all);
    fs::copy(dir.path("data") + "/ledger.db", dir.path("alone") + "/ledger.db");
    CHECK(answers_held(*open_ledger(dir.path("alone"))) == 50);
    CHECK(options.metrics.value("ledger_failed_checkpoints") == 0);
}

TEST_CASE("an open reader keeps the WAL, and later data is moved into the file when the reader has gone") {
    const TempDir dir;
    LedgerOptions options;
    options.checkpoint_interval = std::chrono::milliseconds(1);
    options.max_wal_bytes = 0;
    const auto ledger = open_ledger(dir.path("data"), options);
    add_answer(*ledger, 1);
    auto reader =
        sqlite::Database::open(dir.path("data") + "/ledger.db", sqlite::Database::Mode::read_only, "ledger");
    REQUIRE(reader);
    REQUIRE(reader->execute("BEGIN"));
    REQUIRE(reader->query_integer("SELECT count(*) FROM answers"));
    add_answer(*ledger, 2);
    CHECK(**reader->query_integer("SELECT count(*) FROM answers") == 1);
    CHECK(ledger->ready());
    REQUIRE(reader->execute("COMMIT"));
    while (fs::file_size(dir.path("data") + "/ledger.db-wal") != 0)
        std::this_thread::yield();
    CHECK(answers_held(*ledger) == 2);
}

TEST_CASE("a backup of a ledger that is being written is one complete file from one moment") {
    const TempDir dir;
    LedgerOptions options;
    options.checkpoint_interval = kNever;
    const auto ledger = open_ledger(dir.path("data"), options);
    std::atomic<bool> stop{false};
    std::uint64_t epochs = 0;
    std::jthread writer([&] {
        while (!stop) {
            if (!ledger->run([&](LedgerTx& tx) { return add_epoch(tx, epochs); })) return;
            ++epochs;
        }
    });
    while (options.metrics.value("ledger_commits") < 20)
        std::this_thread::yield();
    const auto copy = back_up_ledger(dir.path("data"), dir.path("backup"));
    stop = true;
    writer.join();
    REQUIRE(copy);
    CHECK(*copy == fs::path(dir.path("backup")) / "ledger.db");
    struct stat info {};
    REQUIRE(stat(copy->c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
    const auto facts = examine_ledger(dir.path("backup"));
    REQUIRE(facts);
    CHECK(facts->problems.empty());
    CHECK(facts->closed_epochs >= 20);
    CHECK(facts->closed_epochs == facts->running_epoch);
    CHECK(facts->payouts == facts->closed_epochs);
    // Neither the backup nor the check of it left other files there.
    CHECK(std::distance(fs::directory_iterator(dir.path("backup")), fs::directory_iterator()) == 1);
    open_ledger(dir.path("backup"));
}

TEST_CASE("a backup never replaces a file, and a failed one leaves nothing behind") {
    const TempDir dir;
    {
        const auto ledger = open_ledger(dir.path("data"));
        add_answer(*ledger, 1);
    }
    REQUIRE(back_up_ledger(dir.path("data"), dir.path("backup")));
    const auto again = back_up_ledger(dir.path("data"), dir.path("backup"));
    REQUIRE_FALSE(again);
    CHECK(again.error().code == ErrorCode::failed_precondition);
    const auto none = back_up_ledger(dir.path("nowhere"), dir.path("backup-2"));
    REQUIRE_FALSE(none);
    CHECK(none.error().code == ErrorCode::not_found);
    CHECK_FALSE(fs::exists(dir.path("backup-2")));
    fs::resize_file(dir.path("data") + "/ledger.db", 4096);
    CHECK_FALSE(back_up_ledger(dir.path("data"), dir.path("backup-3")));
    CHECK(fs::is_empty(dir.path("backup-3")));
}

TEST_CASE("a path may contain the special characters of a URI") {
    const TempDir dir;
    const std::string data = dir.path("data?immutable=1#100%25");
    add_answer(*open_ledger(data), 1);
    CHECK(fs::exists(data + "/ledger.db"));
    REQUIRE(back_up_ledger(data, data + "-copy"));
    CHECK(examine_ledger(data + "-copy")->open_answers == 1);
}

TEST_CASE("the examination finds payouts that do not add up and epochs that are missing") {
    const TempDir dir;
    const std::string file = dir.path("data") + "/ledger.db";
    {
        const auto ledger = open_ledger(dir.path("data"));
        for (std::uint64_t epoch = 0; epoch < 5; ++epoch)
            REQUIRE(ledger->run([&](LedgerTx& tx) { return add_epoch(tx, epoch, PayoutNotice::waiting); }));
        REQUIRE(ledger->run([](LedgerTx& tx) { return tx.set_chain({4690, 2}); }));
    }
    const auto sound = examine_ledger(dir.path("data"));
    REQUIRE(sound);
    CHECK(sound->problems.empty());
    CHECK(sound->waiting_payouts == 5);
    CHECK(sound->waiting_rau == 3500);
    CHECK(sound->chain == ChainIdentity{4690, 2});
    CHECK(sound->last_height == 50);
    {
        auto database = sqlite::Database::open(file, sqlite::Database::Mode::read_write, "ledger");
        REQUIRE(database);
        REQUIRE(database->execute(
            "UPDATE payouts SET amount_rau = '701' WHERE epoch = 1; DELETE FROM epochs WHERE epoch = 3"));
    }
    const auto facts = examine_ledger(file);
    REQUIRE(facts);
    CHECK(facts->problems == std::vector<std::string>{
                                 "the payouts of epoch 1 do not add up to its pool",
                                 "epoch 1 is not what it was when it closed: an amount, an agent, a wallet, a "
                                 "height or the pool was changed (its hash differs from the stored one)",
                                 "epochs 3 to 3 are missing",
                                 "epoch 3 has payouts, and no row in table epochs"});
}

TEST_CASE("old epochs that stay because one of their payouts is owed are no problem") {
    const TempDir dir;
    {
        const auto ledger = open_ledger(dir.path("data"));
        REQUIRE(ledger->run([](LedgerTx& tx) { return add_epoch(tx, 3, PayoutNotice::waiting); }));
        REQUIRE(
            ledger->run([](LedgerTx& tx) { return add_epoch(tx, kKeptEpochs + 50, PayoutNotice::waiting); }));
    }
    CHECK(examine_ledger(dir.path("data"))->problems.empty());
}

TEST_CASE("a ledger keeps its chain, unless it has no answers or payouts") {
    const TempDir dir;
    const auto chain_of = [](Ledger& ledger) {
        std::optional<ChainIdentity> out;
        REQUIRE(ledger.run([&](LedgerTx& tx) -> Status {
            const auto chain = tx.chain();
            if (!chain) return fail(chain.error());
            out = *chain;
            return {};
        }));
        return out;
    };
    auto ledger = open_ledger(dir.path("data"));
    CHECK_FALSE(chain_of(*ledger));
    REQUIRE(ledger->run([](LedgerTx& tx) { return tx.set_chain({4690, std::nullopt}); }));
    CHECK(chain_of(*ledger) == ChainIdentity{4690, std::nullopt});
    REQUIRE(ledger->run([](LedgerTx& tx) { return tx.set_chain({4690, 2}); }));
    REQUIRE(ledger->run([](LedgerTx& tx) { return tx.set_chain({4690, std::nullopt}); }));
    ledger.reset();
    ledger = open_ledger(dir.path("data"));  // the version of the tables is still 1
    CHECK(chain_of(*ledger) == ChainIdentity{4690, 2});
    REQUIRE(ledger->run([](LedgerTx& tx) -> Status {
        LedgerNumbers numbers;
        numbers.last_height = 77;
        return tx.set_numbers(numbers);
    }));
    REQUIRE(ledger->run([](LedgerTx& tx) { return tx.forget_chain(); }));
    CHECK_FALSE(chain_of(*ledger));
    REQUIRE(ledger->run([](LedgerTx& tx) -> Status {
        CHECK(tx.numbers()->last_height == 0);
        return tx.set_chain({4689, 1});
    }));
    add_answer(*ledger, 1);
    const Status kept = ledger->run([](LedgerTx& tx) { return tx.forget_chain(); });
    REQUIRE_FALSE(kept);
    CHECK(kept.error().code == ErrorCode::failed_precondition);
    CHECK(chain_of(*ledger) == ChainIdentity{4689, 1});
}

}  // namespace ioswarm
