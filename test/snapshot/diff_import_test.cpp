// SPDX-License-Identifier: Apache-2.0
#include "snapshot/diff_import.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "core/diffs/diff_record.hpp"
#include "core/diffs/memory_diff_store.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "snapshot/bolt/diff_log.hpp"
#include "snapshot/open_diffs.hpp"
#include "snapshot/roll.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/reference_diffs.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::vector<StateDiff> some_diffs(std::uint64_t from, std::uint64_t to) {
    std::vector<StateDiff> out;
    for (std::uint64_t height = from; height <= to; ++height)
        out.push_back(
            test::true_diff(height, {{0, "Code", Bytes{1, 2}, Bytes(100, static_cast<std::uint8_t>(height))}}));
    return out;
}

std::vector<StateDiff> content(const DiffStore& store) {
    std::vector<StateDiff> out;
    const DiffRange range = store.range();
    for (std::uint64_t height = range.floor; !range.empty() && height <= range.tip;) {
        const auto rows = store.read(height, 64, 1U << 20);
        REQUIRE(rows);
        for (const DiffRow& row : *rows) {
            CHECK(row.height == height++);
            out.push_back(*read_diff_record(row.record));
        }
    }
    return out;
}

Result<ImportReport> import(const std::string& file, const std::shared_ptr<DiffStore>& log,
                            ImportOptions options = {}, std::stop_token stop = {}) {
    auto source = open_diffs(file, 0ms);
    if (!source) return fail(source.error());
    return import_diffs(**source, log, options, {}, std::move(stop));
}

struct Fixture {
    test::TempDir dir;
    std::shared_ptr<MemoryDiffStore> log = std::make_shared<MemoryDiffStore>();
    std::string file(std::uint64_t from, std::uint64_t to) const {
        test::write_reference_store(dir.path("source.db"), some_diffs(from, to));
        return dir.path("source.db");
    }
};

}  // namespace

TEST_CASE(
    "the reference's store is imported completely, into memory and onto disk, and rolls like the original") {
    const test::TempDir dir;
    const std::string source = test::data_path("node/chain-boltdb/statediffs.db");
    auto bolt = open_bolt_diffs(source, 0ms);
    REQUIRE(bolt);
    std::vector<StateDiff> wanted;
    for (int height = 1; height <= 27; ++height)
        wanted.push_back(**(*bolt)->next());
    const auto memory = std::make_shared<MemoryDiffStore>();
    REQUIRE(import(source, memory));
    CHECK(content(*memory) == wanted);
    fs::create_directory(dir.path("data"));
    fs::permissions(dir.path("data"), fs::perms::owner_all);
    {
        auto made = SqliteDiffStore::open(dir.path("data/statediffs.db"));
        REQUIRE(made);
        const std::shared_ptr<DiffStore> sqlite = std::move(*made);
        const auto report = import(source, sqlite);
        REQUIRE(report);
        CHECK(report->appended == 27);
        CHECK(report->after == DiffRange{1, 27});
        CHECK(content(*sqlite) == wanted);
        // Read it while the store still holds it for writing.
        auto log = open_diffs(dir.path("data/statediffs.db"), 0ms);
        REQUIRE(log);
        CHECK((*log)->kind() == "sqlite");
        RollOptions options;
        options.base = test::data_path("node/chain-boltdb/base.snap.gz");
        options.output = dir.path("today.snap.gz");
        REQUIRE(roll_snapshot(options, **log, {}, {}));
        CHECK(*test::read_snapshot(options.output) ==
              *test::read_snapshot(test::data_path("node/chain-boltdb/final.snap.gz")));
    }
}

TEST_CASE_METHOD(Fixture,
                 "a log is continued by a source that reaches its end, and common heights must be equal") {
    REQUIRE(import(file(100, 150), log));
    SECTION("importing the same again changes nothing") {
        const auto report = import(file(100, 150), log);
        REQUIRE(report);
        CHECK(report->equal == 51);
        CHECK(report->appended == 0);
    }
    SECTION("the source starts right after the log") {
        const auto report = import(file(151, 300), log);
        REQUIRE(report);
        CHECK(report->equal == 0);
        CHECK(report->appended == 150);
        CHECK(content(*log) == some_diffs(100, 300));
    }
    SECTION("the source overlaps the log, and its older diffs are left out") {
        const auto report = import(file(90, 200), log);
        REQUIRE(report);
        CHECK(report->too_old == 10);
        CHECK(report->equal == 51);
        CHECK(report->appended == 50);
        CHECK(report->before == DiffRange{100, 150});
        CHECK(report->after == DiffRange{100, 200});
        CHECK(content(*log) == some_diffs(100, 200));
    }
    SECTION("the source lies within the log") {
        const auto report = import(file(120, 130), log);
        REQUIRE(report);
        CHECK(report->equal == 11);
        CHECK(report->after == DiffRange{100, 150});
    }
}

TEST_CASE_METHOD(Fixture, "a log that was restarted at a height accepts that height first and no other") {
    fs::create_directory(dir.path("data"));
    fs::permissions(dir.path("data"), fs::perms::owner_all);
    auto made = SqliteDiffStore::open(dir.path("data/statediffs.db"));
    REQUIRE(made);
    const std::shared_ptr<SqliteDiffStore> restarted = std::move(*made);
    REQUIRE(restarted->restart_at(120));
    const auto refused = [&](const std::string& source, ImportOptions options = {}) {
        const auto report = import(source, restarted, options);
        REQUIRE_FALSE(report);
        CHECK(report.error().code == ErrorCode::failed_precondition);
        CHECK_THAT(report.error().text(), Contains("height 120"));
        CHECK(restarted->range() == DiffRange{120, 0});
        return report.error().text();
    };
    CHECK_THAT(refused(file(101, 119)), Contains("ends before it"));
    CHECK_THAT(refused(file(121, 150)), Contains("begins behind it"));
    CHECK_THAT(refused(file(101, 150), {.from = 130}), Contains("--from 130"));
    const auto report = import(file(101, 150), restarted);
    if (!report) FAIL(report.error().text());
    CHECK(report->too_old == 19);
    CHECK(report->appended == 31);
    CHECK(report->after == DiffRange{120, 150});
    CHECK(content(*restarted) == some_diffs(120, 150));
}

TEST_CASE_METHOD(Fixture,
                 "a source that does not fit the log is refused with both ranges, and the log is not changed") {
    REQUIRE(import(file(100, 150), log));
    std::string source;
    std::string wanted;
    SECTION("there is a gap between log and source") {
        source = file(160, 170);
        wanted = "log 100 to 150, file 160 to 170: 151 to 159 are missing";
    }
    SECTION("the source is older") {
        source = file(50, 99);
        wanted = "log 100 to 150, file 50 to 99";
    }
    SECTION("a common height differs") {
        auto diffs = some_diffs(140, 170);
        diffs[4] = test::true_diff(144, {});
        test::write_reference_store(dir.path("source.db"), diffs);
        source = dir.path("source.db");
        wanted = "height 144 differs";
    }
    const auto refused = import(source, log);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::failed_precondition);
    CHECK_THAT(refused.error().text(), Contains(wanted));
    CHECK(content(*log) == some_diffs(100, 150));
}

TEST_CASE_METHOD(Fixture, "diffs import --from reads on after a gap in the source") {
    auto diffs = some_diffs(10, 60);
    diffs.erase(diffs.begin() + 20);
    test::write_reference_store(dir.path("source.db"), diffs);
    const auto broken = import(dir.path("source.db"), log);
    REQUIRE_FALSE(broken);
    CHECK_THAT(broken.error().text(), Contains("height 30 is missing"));
    CHECK(content(*log) == some_diffs(10, 29));
    REQUIRE(log->clear());
    REQUIRE(import(dir.path("source.db"), log, {.from = 31}));
    CHECK(content(*log) == some_diffs(31, 60));
    CHECK(import(dir.path("source.db"), log, {.from = 61}).error().code == ErrorCode::out_of_range);
}

TEST_CASE_METHOD(Fixture,
                 "an import that is stopped keeps what it committed, and the next import continues there") {
    const std::string source = file(1, 100);
    std::stop_source stop;
    auto reader = open_diffs(source, 0ms);
    REQUIRE(reader);
    const ImportObserver stopper = [&](std::uint64_t done, std::uint64_t all) {
        CHECK(all == 100);
        if (done >= 30) stop.request_stop();
    };
    const auto stopped = import_diffs(**reader, log, {.commit_rows = 10}, stopper, stop.get_token());
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::cancelled);
    CHECK_THAT(stopped.error().hint, Contains("30 diffs"));
    CHECK(log->range() == DiffRange{1, 30});
    const auto report = import(source, log);
    REQUIRE(report);
    CHECK(report->equal == 30);
    CHECK(report->appended == 70);
    CHECK(content(*log) == some_diffs(1, 100));
}

TEST_CASE_METHOD(Fixture, "an empty source imports nothing, and the report counts 0") {
    test::write_reference_store(dir.path("source.db"), {});
    const auto report = import(dir.path("source.db"), log);
    REQUIRE(report);
    CHECK(report->appended == 0);
    CHECK(log->range().empty());
}
