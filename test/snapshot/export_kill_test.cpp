// SPDX-License-Identifier: Apache-2.0
// An export is killed at each of its steps. It leaves either the unchanged old file or the complete new one.

#include <filesystem>

#include <catch2/catch.hpp>

#include "core/base/atomic_file.hpp"
#include "snapshot/export.hpp"
#include "test/snapshot/killed_child.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
namespace fs = std::filesystem;

namespace {

ExportOptions options_for(const test::TempDir& dir) {
    ExportOptions options;
    options.source = std::string(IOSWARM_TEST_DATA) + "/bolt/trie.db";
    options.output = dir.path("acctcode.snap.gz");
    options.threads = 1;
    return options;
}

int killed_at(const ExportOptions& options, int last) {
    return test::killed_at(last, [&] { return export_snapshot(options, {}, {}).has_value(); });
}

}  // namespace

TEST_CASE(
    "an export killed at any step leaves yesterday's file or a whole new one, and the next export succeeds") {
    const test::TempDir dir;
    const ExportOptions options = options_for(dir);
    REQUIRE(export_snapshot(options, {}, {}));
    const auto fresh = *test::read_snapshot(options.output);
    std::size_t old = 0;
    std::size_t renewed = 0;
    const int all = killed_at(options, 1'000'000);
    CHECK(all > 20);
    for (int last = 1; last < all; ++last) {
        dir.write("acctcode.snap.gz", "yesterday's");
        if (killed_at(options, last) < last) continue;
        INFO("step " << last);
        if (const auto content = read_file(options.output, 100); content && *content == "yesterday's") {
            ++old;
        } else {
            ++renewed;
            const auto whole = test::read_snapshot(options.output);
            REQUIRE(whole);
            CHECK(*whole == fresh);
        }
    }
    CHECK(old > 10);
    CHECK(renewed > 0);
    REQUIRE(export_snapshot(options, {}, {}));
    CHECK(*test::read_snapshot(options.output) == fresh);
    CHECK_FALSE(fs::exists(dir.path(".acctcode.snap.gz.part")));
}
