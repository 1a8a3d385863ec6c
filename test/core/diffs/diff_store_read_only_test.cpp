// SPDX-License-Identifier: Apache-2.0
// A log in a directory that cannot be written, such as a backup on a read-only medium.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "core/diffs/sqlite_diff_store.hpp"
#include "core/sqlite/sqlite.hpp"
#include "test/suites/diff_store_suite.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/without_rights.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using test::detail::kNoLimit;

namespace {

/// A directory with a log of heights 1 to 3 that nobody has open.
struct ClosedLog {
    const TempDir dir;
    const std::string file = dir.path("statediffs.db");

    ClosedLog() {
        const auto store = SqliteDiffStore::open(file);
        REQUIRE(store);
        REQUIRE((*store)->append(some_rows(1, 3)));
    }
    ~ClosedLog() { allow_writing(dir.path()); }
    ClosedLog(const ClosedLog&) = delete;
    ClosedLog& operator=(const ClosedLog&) = delete;

    /// Leaves the log as a process does that was killed: the newest row waits in the WAL.
    void leave_wal() const {
        std::string wal;
        {
            const auto store = SqliteDiffStore::open(file);
            REQUIRE(store);
            REQUIRE((*store)->append(some_rows(4, 1)));
            std::ifstream in(file + "-wal", std::ios::binary);
            wal.assign(std::istreambuf_iterator<char>(in), {});
        }
        REQUIRE_FALSE(wal.empty());
        std::ofstream(file + "-wal", std::ios::binary) << wal;
        std::filesystem::remove(file + "-shm");
    }
};

}  // namespace

TEST_CASE("given a log in a directory that cannot be written, when it is opened for reading, then it is read") {
    const ClosedLog log;
    SECTION("without a WAL") {}
    SECTION("with an empty WAL that another process left") {
        std::ofstream(log.file + "-wal").flush();
    }
    forbid_writing(log.dir.path());
    CHECK(holds_without_rights([&] {
        const auto store = SqliteDiffStore::open_read_only(log.file);
        if (!store || (*store)->range() != DiffRange{1, 3}) return false;
        const auto rows = (*store)->read(1, 10, kNoLimit);
        return rows && rows->size() == 3;
    }));
}

TEST_CASE(
    "given a log in a directory that cannot be written, when rows wait in its WAL, then the error says what to "
    "do") {
    const ClosedLog log;
    log.leave_wal();
    forbid_writing(log.dir.path());
    CHECK(holds_without_rights([&] {
        const auto store = SqliteDiffStore::open_read_only(log.file);
        return !store && store.error().code == ErrorCode::failed_precondition &&
               store.error().why.find("statediffs.db-wal") != std::string::npos &&
               store.error().hint.find("copy statediffs.db and statediffs.db-wal") != std::string::npos;
    }));
}
