// SPDX-License-Identifier: Apache-2.0
// Files that are not a valid log: files of other programs, newer versions, damaged files.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "core/diffs/diff_reader.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/sqlite/sqlite.hpp"
#include "test/suites/diff_store_suite.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using test::some_rows;
using test::detail::code_of;
using test::detail::kNoLimit;

namespace {

constexpr std::uint64_t kRows = 40;

/// Makes and closes a log of heights 1 to kRows. Some rows take several pages.
std::string make_log(const test::TempDir& dir) {
    std::string file = dir.path("statediffs.db");
    const auto store = SqliteDiffStore::open(file);
    REQUIRE(store);
    for (std::uint64_t height = 1; height <= kRows; ++height)
        REQUIRE((*store)->append(some_rows(height, 1, height % 8 == 0 ? 9000 : 40)));
    return file;
}

void change(const std::string& file, const std::string& sql) {
    auto database = sqlite::Database::open(file, sqlite::Database::Mode::read_write, "diff log");
    REQUIRE(database);
    REQUIRE(database->execute(sql));
}

/// Checks that opening the file fails with this code, in both modes, and leaves the file unchanged.
Error refused(const test::TempDir& dir, const std::string& file, ErrorCode code) {
    const std::string before = dir.read(std::filesystem::path(file).filename().string());
    const auto reading = SqliteDiffStore::open_read_only(file);
    REQUIRE_FALSE(reading);
    CHECK(reading.error().code == code);
    const auto store = SqliteDiffStore::open(file);
    REQUIRE_FALSE(store);
    CHECK(store.error().code == code);
    CHECK(store.error().text().find(file) != std::string::npos);
    CHECK(dir.read(std::filesystem::path(file).filename().string()) == before);
    return store.error();
}

}  // namespace

TEST_CASE(
    "a diff store of the reference implementation is left as it is, and the error says how to import it") {
    const test::TempDir dir;
    const std::string file = dir.path("statediffs.db");
    std::filesystem::copy_file(std::string(IOSWARM_TEST_DATA) + "/bolt/statediffs.db", file);
    const std::string hint = refused(dir, file, ErrorCode::failed_precondition).hint;
    CHECK(hint.find("ioswarm diffs import") != std::string::npos);
    CHECK(hint.find("move") == std::string::npos);         // a running node may have it open
    CHECK_FALSE(std::filesystem::exists(file + ".lock"));  // no lock file is made beside a node's file
}

TEST_CASE("files of other programs are refused and left as they are") {
    const test::TempDir dir;
    SECTION("a text file") {
        refused(dir, dir.write("statediffs.db", "height: 1\n"), ErrorCode::bad_data);
    }
    SECTION("another SQLite file") {
        const std::string file = dir.path("other.db");
        change(file, "CREATE TABLE cats(name TEXT)");
        refused(dir, file, ErrorCode::bad_data);
    }
    SECTION("another SQLite file that names its program") {
        const std::string file = dir.path("other.db");
        change(file, "PRAGMA application_id = 42");
        refused(dir, file, ErrorCode::bad_data);
    }
}

TEST_CASE("a log of a newer version is refused, and a log with other tables is reported as damaged") {
    const test::TempDir dir;
    const std::string file = make_log(dir);
    SECTION("the version is newer") {
        change(file, "PRAGMA user_version = 3");
        CHECK(code_of(SqliteDiffStore::open(file)) == ErrorCode::failed_precondition);
        CHECK(code_of(SqliteDiffStore::open_read_only(file)) == ErrorCode::failed_precondition);
    }
    SECTION("a table has an extra column") {
        change(file, "ALTER TABLE diffs ADD COLUMN more INTEGER");
        CHECK(code_of(SqliteDiffStore::open(file)) == ErrorCode::data_loss);
    }
    SECTION("the table log has no row") {
        change(file, "DELETE FROM log");
        CHECK(code_of(SqliteDiffStore::open(file)) == ErrorCode::data_loss);
    }
}

TEST_CASE("a log of version 1 can be read, and is upgraded when it is opened for writing") {
    const test::TempDir dir;
    const std::string file = make_log(dir);
    change(file, "DROP TABLE chain; PRAGMA user_version = 1");
    {
        const auto reading = SqliteDiffStore::open_read_only(file);
        REQUIRE(reading);
        CHECK((*reading)->range() == DiffRange{1, kRows});
        CHECK_FALSE(*(*reading)->chain());
    }
    {
        const auto store = SqliteDiffStore::open(file);
        REQUIRE(store);
        CHECK_FALSE(*(*store)->chain());
        REQUIRE((*store)->set_chain({4690, std::nullopt}));
        REQUIRE((*store)->set_chain({4690, 2}));
        REQUIRE((*store)->append(some_rows(kRows + 1, 1)));
    }
    const auto reading = SqliteDiffStore::open_read_only(file);
    REQUIRE(reading);
    CHECK((*reading)->chain().value() == ChainIdentity{4690, 2});
    CHECK((*reading)->read(1, kNoLimit, kNoLimit)->size() == kRows + 1);
}

TEST_CASE("an empty file becomes a log") {
    const test::TempDir dir;
    const std::string file = dir.write("statediffs.db", "");
    const auto store = SqliteDiffStore::open(file);
    REQUIRE(store);
    CHECK((*store)->append(some_rows(1, 1)));
}

TEST_CASE("a damaged row is reported with its height when it is read, and sound rows are still read") {
    const test::TempDir dir;
    const std::string file = make_log(dir);
    // Rows 8, 16, … take several pages; row 17 is damaged.
    const std::string sql = GENERATE(
        as<std::string>{},  //
        "UPDATE diffs SET digest = zeroblob(32) WHERE height = 17",
        "UPDATE diffs SET digest = x'00' WHERE height = 17",
        "UPDATE diffs SET chain = zeroblob(32) WHERE height = 17",
        "UPDATE diffs SET record = zeroblob(length(record)) WHERE height = 17",
        "UPDATE diffs SET record = substr(record, 1, 20) WHERE height = 17",
        "UPDATE diffs SET size = size + 1 WHERE height = 17",
        "UPDATE diffs SET size = 9223372036854775807 WHERE height = 17",
        "UPDATE diffs SET size = -1 WHERE height = 17", "UPDATE diffs SET codec = 1 - codec WHERE height = 17",
        "UPDATE diffs SET codec = 7 WHERE height = 17",
        "UPDATE diffs SET record = (SELECT record FROM diffs WHERE height = 18), size = "
        "(SELECT size FROM diffs WHERE height = 18) WHERE height = 17",
        "DELETE FROM diffs WHERE height = 17");
    INFO(sql);
    change(file, sql);
    const auto store = SqliteDiffStore::open(file);
    REQUIRE(store);
    const auto before = (*store)->read(1, 1000, kNoLimit);
    REQUIRE(before);
    CHECK(before->size() == 16);
    const auto damaged = (*store)->read(17, 1000, kNoLimit);
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == ErrorCode::data_loss);
    CHECK(damaged.error().text().find("height 17") != std::string::npos);
    CHECK((*store)->read(19, 1000, kNoLimit)->size() == kRows - 18);
    CHECK((*store)->append(some_rows(kRows + 1, 1)));
}

TEST_CASE("a log whose newest row is damaged accepts no more until it is cleared") {
    const test::TempDir dir;
    const std::string file = make_log(dir);
    change(file, "UPDATE diffs SET record = zeroblob(length(record)) WHERE height = 40");
    const auto store = SqliteDiffStore::open(file);
    REQUIRE(store);
    CHECK((*store)->read(1, 10, kNoLimit)->size() == 10);
    CHECK(code_of((*store)->append(some_rows(kRows + 1, 1))) == ErrorCode::data_loss);
    CHECK(code_of((*store)->prune(10, 10)) == ErrorCode::data_loss);
    REQUIRE((*store)->clear());
    REQUIRE((*store)->append(some_rows(100, 1)));
}

TEST_CASE("damaged old rows do not stop pruning, and no new rows are kept out") {
    const test::TempDir dir;
    const std::string file = make_log(dir);
    change(file, "DELETE FROM diffs WHERE height BETWEEN 6 AND 20");
    change(file, "UPDATE diffs SET chain = x'00' WHERE height = 21");
    const auto store = SqliteDiffStore::open(file);
    REQUIRE(store);
    // The lowest row that can be checked is 23: row 22 is the first one with a chain value.
    CHECK((*store)->prune(11, 100) == 22);
    CHECK((*store)->range() == DiffRange{23, kRows});
    CHECK((*store)->read(23, kNoLimit, kNoLimit)->size() == kRows - 22);
    CHECK((*store)->append(some_rows(kRows + 1, 1)));
    CHECK((*store)->prune(30, 100) == 7);
}

TEST_CASE("a log that cannot be pruned accepts new rows, and is pruned after them") {
    const test::TempDir dir;
    const std::string file = make_log(dir);
    const auto store = SqliteDiffStore::open(file);
    REQUIRE(store);
    change(file, "DELETE FROM diffs WHERE height BETWEEN 6 AND 39");
    CHECK(code_of((*store)->prune(11, 100)) == ErrorCode::data_loss);
    change(file, "UPDATE diffs SET chain = x'00' WHERE height = 5");
    CHECK(code_of((*store)->prune(11, 100)) == ErrorCode::data_loss);
    CHECK((*store)->range() == DiffRange{1, kRows});
    CHECK((*store)->append(some_rows(kRows + 1, 1)));
    CHECK((*store)->prune(11, 100) == kRows);
    CHECK((*store)->range() == DiffRange{kRows + 1, kRows + 1});
    CHECK((*store)->read(kRows + 1, 1, kNoLimit));
}

TEST_CASE("a read of heights that were pruned meanwhile is refused with the current range") {
    const test::TempDir dir;
    const std::string file = make_log(dir);
    const auto reader = DiffReader::open(file);
    REQUIRE(reader);
    const auto store = SqliteDiffStore::open(file);
    REQUIRE(store);
    REQUIRE((*store)->prune(11, 100) == 10);
    const auto read = (*reader)->read(5, kRows, 1, kNoLimit);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::out_of_range);
    CHECK(read.error().why == "height 5 is outside 11 to 40");
}

TEST_CASE("a flipped bit anywhere in the file never leads to a wrong diff") {
    const test::TempDir dir;
    const std::string sound = dir.read(std::filesystem::path(make_log(dir)).filename().string());
    const auto expected = [](std::uint64_t height) {
        return test::some_row(height, height % 8 == 0 ? 9000 : 40);
    };
    std::size_t found = 0;
    // A prime step, so that all positions within a page are hit.
    for (std::size_t at = 0; at < sound.size(); at += 61) {
        std::string flipped = sound;
        flipped[at] = static_cast<char>(flipped[at] ^ static_cast<char>(1 << (at % 8)));
        const std::string file = dir.write("flipped.db", flipped);
        const auto store = SqliteDiffStore::open_read_only(file);
        if (!store) {
            ++found;
            continue;
        }
        const DiffRange held = (*store)->range();
        bool is_wrong = false;
        // A flipped bit can change the range to anything; 100 heights are enough to find a fault.
        for (std::uint64_t height = held.floor; held.holds(height) && height < held.floor + 100; ++height) {
            const auto rows = (*store)->read(height, 1, 0);
            if (!rows) {
                CHECK(rows.error().code == ErrorCode::data_loss);
                ++found;
                break;
            }
            const DiffRow row = expected(height);
            is_wrong = is_wrong || rows->front().record != row.record || rows->front().digest != row.digest;
        }
        INFO("byte " << at);
        CHECK_FALSE(is_wrong);
    }
    CHECK(found > 100);
}
