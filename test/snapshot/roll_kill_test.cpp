// SPDX-License-Identifier: Apache-2.0
// A roll and an import are killed at each of their steps.

#include <algorithm>
#include <filesystem>
#include <memory>

#include <catch2/catch.hpp>

#include "core/base/atomic_file.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "snapshot/bolt/diff_log.hpp"
#include "snapshot/diff_import.hpp"
#include "snapshot/open_diffs.hpp"
#include "snapshot/roll.hpp"
#include "test/snapshot/killed_child.hpp"
#include "test/snapshot/published_files.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const std::string kChain = std::string(IOSWARM_TEST_DATA) + "/node/chain-boltdb/";

bool roll(const RollOptions& options) {
    auto log = open_bolt_diffs(kChain + "statediffs.db", 0ms);
    return log && roll_snapshot(options, **log, {}, {});
}

bool import(const std::string& file) {
    auto source = open_bolt_diffs(kChain + "statediffs.db", 0ms);
    auto log = SqliteDiffStore::open(file);
    if (!source || !log) return false;
    return import_diffs(**source, std::shared_ptr<DiffStore>(std::move(*log)), {.commit_rows = 5}, {}, {})
        .has_value();
}

}  // namespace

TEST_CASE(
    "a roll onto its own base that is killed at any step leaves the old or the new file, and can be repeated") {
    const test::TempDir dir;
    RollOptions options;
    options.output = dir.path("acctcode.snap.gz");
    options.base = options.output;
    options.threads = 1;
    options.memory_bytes = 50'000;  // so small that a temporary file is one of the steps
    const auto yesterday = *test::read_snapshot(kChain + "base.snap.gz");
    const auto today = *test::read_snapshot(kChain + "final.snap.gz");
    const auto set_out = [&] {
        // The output may be a link to a snapshot, and must not be written through.
        for (const std::string& name : test::sorted_names(dir.path()))
            fs::remove(dir.path(name));
        fs::copy_file(kChain + "base.snap.gz", options.output, fs::copy_options::overwrite_existing);
    };
    set_out();
    const int all = test::killed_at(1'000'000, [&] { return roll(options); });
    CHECK(all > 20);
    std::size_t old = 0;
    std::size_t renewed = 0;
    for (int last = 1; last < all; ++last) {
        set_out();
        if (test::killed_at(last, [&] { return roll(options); }) < last) continue;
        INFO("step " << last);
        const auto content = test::read_snapshot(options.output);
        REQUIRE(content);
        CHECK((*content == yesterday || *content == today));
        ++(*content == yesterday ? old : renewed);
    }
    CHECK(old > 10);
    CHECK(renewed > 0);
    set_out();
    REQUIRE(roll(options));
    CHECK(*test::read_snapshot(options.output) == today);
    std::size_t names = 0;
    for ([[maybe_unused]] const auto& file : fs::directory_iterator(dir.path()))
        ++names;
    CHECK(names ==
          7);  // the link, its lock, its digest, the description, and the snapshot with its two companions
}

TEST_CASE("an import killed at any step leaves a log that the next import completes") {
    int all = 0;
    {
        const test::TempDir dir;
        all = test::killed_at(1'000'000, [&] { return import(dir.path("log.db")); });
    }
    CHECK(all > 100);
    std::size_t partly = 0;
    for (int last = 1; last < all; last += std::max(all / 30, 1)) {
        const test::TempDir dir;
        const std::string file = dir.path("log.db");
        if (test::killed_at(last, [&] { return import(file); }) < last) continue;
        INFO("step " << last);
        if (const auto left = SqliteDiffStore::open_read_only(file)) {
            const DiffRange range = (*left)->range();
            partly += range.tip > 0 && range.tip < 27 ? 1 : 0;
            CHECK((range.empty() || (range.floor == 1 && (range.tip == 27 || range.tip % 5 == 0))));
        }
        REQUIRE(import(file));
        auto log = open_diffs(file, 0ms);
        REQUIRE(log);
        auto source = open_bolt_diffs(kChain + "statediffs.db", 0ms);
        REQUIRE(source);
        for (int height = 1; height <= 27; ++height)
            CHECK(*(*log)->next() == *(*source)->next());
        CHECK_FALSE(*(*log)->next());
    }
    CHECK(partly > 3);
}
