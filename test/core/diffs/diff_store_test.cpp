// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "core/diffs/memory_diff_store.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "test/suites/diff_store_suite.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using test::some_rows;
using test::detail::code_of;
using test::detail::holds_exactly;

namespace {

/// A store together with its folder.
struct OnDisk {
    std::unique_ptr<test::TempDir> dir = std::make_unique<test::TempDir>();
    std::unique_ptr<SqliteDiffStore> store;
    DiffStore& operator*() const { return *store; }
};

OnDisk on_disk() {
    OnDisk out;
    auto store = SqliteDiffStore::open(out.dir->path("data/statediffs.db"));
    REQUIRE(store);
    out.store = std::move(*store);
    return out;
}

}  // namespace

TEST_CASE("the store in memory fulfils the contract of DiffStore") {
    test::diff_store_contract([] { return std::make_unique<MemoryDiffStore>(); });
}

TEST_CASE("the store on SQLite fulfils the contract of DiffStore") {
    test::diff_store_contract(on_disk);
}

TEST_CASE("the store in memory has its configured size and drops the oldest diffs") {
    SECTION("the size in rows") {
        MemoryDiffStore store({3, 1'000'000});
        REQUIRE(store.append(some_rows(1, 2)));
        REQUIRE(store.append(some_rows(3, 4)));
        holds_exactly(store, 4, 6);
    }
    SECTION("the size in bytes") {
        MemoryDiffStore store({100, 2 * test::some_row(1).record.size()});
        REQUIRE(store.append(some_rows(1, 5)));
        holds_exactly(store, 4, 5);
    }
}

TEST_CASE("a log that is opened again has its diffs, and not those that were pruned") {
    const test::TempDir dir;
    const std::string file = dir.path("statediffs.db");
    {
        const auto store = SqliteDiffStore::open(file);
        REQUIRE(store);
        REQUIRE((*store)->append(some_rows(7, 30)));
        REQUIRE((*store)->prune(10, 100));
    }
    const auto store = SqliteDiffStore::open(file);
    REQUIRE(store);
    holds_exactly(**store, 10, 36);
    REQUIRE((*store)->append(some_rows(37, 1)));
    holds_exactly(**store, 10, 37);
}

TEST_CASE("only the owner may read the file of the log") {
    const OnDisk log = on_disk();
    REQUIRE(log.store->append(some_rows(1, 3)));
    for (const char* name : {"data/statediffs.db", "data/statediffs.db-wal", "data/statediffs.db.lock"}) {
        struct stat info {};
        REQUIRE(stat(log.dir->path(name).c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0600);
    }
}

TEST_CASE("only one process may write a log; others may read it meanwhile and see new diffs") {
    const OnDisk log = on_disk();
    const std::string file = log.dir->path("data/statediffs.db");
    CHECK(code_of(SqliteDiffStore::open(file)) == ErrorCode::try_again);
    const auto reader = SqliteDiffStore::open_read_only(file);
    REQUIRE(reader);
    CHECK((*reader)->range().empty());
    REQUIRE(log.store->append(some_rows(1, 20)));
    holds_exactly(**reader, 1, 20);
    REQUIRE(log.store->prune(11, 100));
    holds_exactly(**reader, 11, 20);
    CHECK(code_of((*reader)->append(some_rows(21, 1))) == ErrorCode::failed_precondition);
    CHECK(code_of((*reader)->prune(15, 1)) == ErrorCode::failed_precondition);
    CHECK(code_of((*reader)->clear()) == ErrorCode::failed_precondition);
    REQUIRE(log.store->append(some_rows(21, 1)));
    holds_exactly(*log, 11, 21);
}

TEST_CASE("an emptied log remembers the height at which it restarts, also when it is opened again") {
    OnDisk log = on_disk();
    const std::string file = log.dir->path("data/statediffs.db");
    REQUIRE(log.store->append(some_rows(1, 20)));
    REQUIRE(log.store->restart_at(50));
    CHECK(log.store->range() == DiffRange{50, 0});
    CHECK(log.store->range().empty());
    CHECK(log.store->tip_chain() == Hash256{});
    CHECK(code_of(log.store->read(50, 1, 1)) == ErrorCode::out_of_range);
    log.store.reset();
    const auto again = SqliteDiffStore::open(file);
    REQUIRE(again);
    CHECK((*again)->range() == DiffRange{50, 0});
    CHECK((*SqliteDiffStore::open_read_only(file))->range() == DiffRange{50, 0});
    REQUIRE((*again)->append(some_rows(50, 3)));
    holds_exactly(**again, 50, 52);
    REQUIRE((*again)->clear());
    CHECK((*again)->range() == DiffRange{});
}

TEST_CASE("space of pruned or cleared diffs is returned to the disk, except what coming rows need") {
    OnDisk log = on_disk();
    const std::string file = log.dir->path("data/statediffs.db");
    const auto size_after_closing = [&] {
        log.store.reset();
        const auto size = std::filesystem::file_size(file);
        log.store = SqliteDiffStore::open(file).value();
        return size;
    };
    constexpr std::uint64_t kMiB = 1 << 20;
    for (std::uint64_t next = 1; next <= 2000; next += 100)
        REQUIRE(log.store->append(some_rows(next, 100, 9000)));
    REQUIRE(size_after_closing() > 18 * kMiB);
    while (log.store->prune(1991, 100).value() > 0) {
    }
    CHECK(size_after_closing() < 6 * kMiB);
    REQUIRE(log.store->clear());
    CHECK(size_after_closing() < kMiB);
}

TEST_CASE("reading a log that does not exist does not create it") {
    const test::TempDir dir;
    CHECK(code_of(SqliteDiffStore::open_read_only(dir.path("none.db"))) == ErrorCode::not_found);
    CHECK_FALSE(std::filesystem::exists(dir.path("none.db")));
}
