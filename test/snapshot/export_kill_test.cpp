// SPDX-License-Identifier: Apache-2.0
// An export is killed at each of its steps. Whatever it leaves, each fixed name leads to a complete snapshot.

#include <filesystem>

#include <catch2/catch.hpp>

#include "core/base/atomic_file.hpp"
#include "snapshot/export.hpp"
#include "test/snapshot/killed_child.hpp"
#include "test/snapshot/published_files.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
namespace fs = std::filesystem;

namespace {

const std::string kFixed = "acctcode.snap.gz";

ExportOptions options_for(const test::TempDir& dir) {
    ExportOptions options;
    options.source = std::string(IOSWARM_TEST_DATA) + "/bolt/trie.db";
    options.output = dir.path(kFixed);
    options.threads = 1;
    return options;
}

int killed_at(const ExportOptions& options, int last) {
    return test::killed_at(last, [&] { return export_snapshot(options, {}, {}).has_value(); });
}

void empty_folder(const test::TempDir& dir) {
    for (const std::string& name : test::sorted_names(dir.path()))
        fs::remove(dir.path(name));
}

}  // namespace

TEST_CASE(
    "an export killed at any step leaves the old file or a complete new one, and the next export succeeds") {
    const test::TempDir dir;
    const ExportOptions options = options_for(dir);
    REQUIRE(export_snapshot(options, {}, {}));
    const auto fresh = *test::read_snapshot(options.output);
    std::size_t old = 0;
    std::size_t renewed = 0;
    const int all = killed_at(options, 1'000'000);
    CHECK(all > 20);
    for (int last = 1; last < all; ++last) {
        empty_folder(dir);
        dir.write(kFixed, "yesterday's");
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
    for (const std::string& name : test::sorted_names(dir.path()))
        CHECK_FALSE(name.ends_with(".part"));
}

TEST_CASE("after a kill at any step the link and the description name snapshots with their own companions") {
    const test::TempDir dir;
    // Yesterday's was of other namespaces, so that its content, and its name, differ.
    ExportOptions yesterday = options_for(dir);
    yesterday.namespaces = {"Account", "Code"};
    ExportOptions today = options_for(dir);
    today.keep = 1;
    std::size_t deleted = 0;
    std::size_t untouched = 0;
    const auto set_out = [&] {
        empty_folder(dir);
        REQUIRE(export_snapshot(yesterday, {}, {}));
        return test::link_target(dir.path(kFixed));
    };
    set_out();
    const int all = killed_at(today, 1'000'000);
    // From the end back to the first rename. What comes before that is the subject of the test above.
    for (int last = all - 1; last > 0 && untouched < 4; --last) {
        const std::string old = set_out();
        const auto before = test::sorted_names(dir.path());
        if (killed_at(today, last) < last) continue;
        INFO("step " << last);
        const std::string linked = test::link_target(dir.path(kFixed));
        CHECK(test::fault_of_immutable(dir.path(), linked) == "");
        const auto meta = nlohmann::json::parse(dir.read("snapshot-meta.json"));
        CHECK(test::fault_of_immutable(dir.path(), meta["immutable"]) == "");
        // The digest under the fixed name is that of one of the two.
        const std::string sum = dir.read(kFixed + ".sha256");
        CHECK(sum.size() == 64 + 2 + kFixed.size() + 1);
        auto after = test::sorted_names(dir.path());
        std::erase_if(after, [](const std::string& name) { return name.ends_with(".part"); });
        untouched += after == before ? 1U : 0U;
        deleted += fs::exists(dir.path(old)) ? 0U : 1U;
        // The next export puts everything right, also the leftovers of a deletion that was cut off.
        if (last % 7 != 0) continue;
        REQUIRE(export_snapshot(today, {}, {}));
        const std::string now = test::link_target(dir.path(kFixed));
        CHECK(dir.read(kFixed + ".sha256") == test::sha256_of_file(dir.path(now)) + "  " + kFixed + "\n");
        CHECK(test::sorted_names(dir.path()) ==
              std::vector<std::string>{".acctcode.snap.gz.lock", now, now + ".json", now + ".sha256", kFixed,
                                       kFixed + ".sha256", "snapshot-meta.json"});
    }
    CHECK(deleted > 0);
    CHECK(untouched == 4);
}
