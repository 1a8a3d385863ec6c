// SPDX-License-Identifier: Apache-2.0
// The names under which snapshots are published: immutable files, fixed links to them, one description.
#include "snapshot/publication.hpp"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "snapshot/export.hpp"
#include "snapshot/folder_lock.hpp"
#include "snapshot/immutable_name.hpp"
#include "snapshot/older_snapshots.hpp"
#include "test/snapshot/published_files.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// Makes a snapshot of the given namespaces under a fixed name.
ExportReport make(const test::TempDir& dir, const std::string& name, std::vector<std::string> namespaces,
                  std::size_t keep = 0) {
    ExportOptions options;
    options.source = std::string(IOSWARM_TEST_DATA) + "/bolt/trie.db";
    options.output = dir.path(name);
    options.namespaces = std::move(namespaces);
    options.threads = 1;
    options.keep = keep;
    auto report = export_snapshot(options, {}, {});
    if (!report) FAIL(report.error().text());
    return *std::move(report);
}

const std::vector<std::string> kAcctCode{"Account", "Code"};
const std::vector<std::string> kFull{"Account", "Code", "Contract"};

nlohmann::json meta_in(const test::TempDir& dir) {
    return nlohmann::json::parse(dir.read("snapshot-meta.json"));
}

/// Puts an older snapshot with its companions into the folder. Its content is no matter here.
std::string add_older(const test::TempDir& dir, const std::string& output, std::uint64_t height) {
    const std::string name = ImmutableName{output, height, "0123abcd"}.text();
    for (const std::string ending : {"", ".sha256", ".json"})
        dir.write(name + ending, "old");
    return name;
}

}  // namespace

TEST_CASE("an immutable name consists of the output's name, the height and the digest, and can be parsed") {
    CHECK(ImmutableName{"acctcode.snap.gz", 46006460, "0a1b2c3d"}.text() ==
          "acctcode-46006460-0a1b2c3d.snap.gz");
    for (const std::string output : {"acctcode.snap.gz", "a-b.gz", "plain", "x-1.snap.gz", "\xff.gz"}) {
        const std::string text = ImmutableName{output, 7, "00ffee11"}.text();
        INFO(text);
        const auto parsed = ImmutableName::parse(text);
        REQUIRE(parsed);
        CHECK(parsed->output == output);
        CHECK(parsed->height == 7);
        CHECK(parsed->sha8 == "00ffee11");
    }
    for (const std::string wrong :
         {"", "acctcode.snap.gz", "acctcode-7.snap.gz", "acctcode-7-0123abc.snap.gz",
          "acctcode-7-0123ABCD.snap.gz", "acctcode-007-0123abcd.snap.gz", "acctcode--7-0123abcd.snap.gz-",
          "-7-0123abcd.snap.gz", "acctcode-x-0123abcd.snap.gz", "a/b-7-0123abcd.snap.gz",
          "acctcode-99999999999999999999-0123abcd.snap.gz", "acctcode-7-0123abcd.snap.gz.json"}) {
        INFO(wrong);
        CHECK_FALSE(ImmutableName::parse(wrong));
    }
}

TEST_CASE("an export publishes an immutable file with its own companions, and a link to it") {
    const test::TempDir dir;
    const ExportReport report = make(dir, "acctcode.snap.gz", kAcctCode);
    const std::string name = test::link_target(dir.path("acctcode.snap.gz"));
    CHECK(dir.path(name) == report.immutable);
    CHECK(name.starts_with("acctcode-46006460-"));
    CHECK(test::fault_of_immutable(dir.path(), name).empty());
    CHECK(test::sorted_names(dir.path()) ==
          std::vector<std::string>{".acctcode.snap.gz.lock", name, name + ".json", name + ".sha256",
                                   "acctcode.snap.gz", "acctcode.snap.gz.sha256", "snapshot-meta.json"});
    // Those who know the fixed names alone see what they always saw.
    const std::string sha = test::sha256_of_file(dir.path("acctcode.snap.gz"));
    CHECK(dir.read("acctcode.snap.gz.sha256") == sha + "  acctcode.snap.gz\n");
    const auto meta = meta_in(dir);
    CHECK(meta["file"] == "acctcode.snap.gz");
    CHECK(meta["sha256"] == sha);
    CHECK(meta["immutable"] == name);
}

TEST_CASE("the description has the kind, the source and the times of the export") {
    const test::TempDir dir;
    const auto before = std::chrono::system_clock::now() - 1s;
    make(dir, "acctcode.snap.gz", kAcctCode);
    const auto meta = meta_in(dir);
    CHECK(meta["kind"] == "acctcode");
    CHECK(meta["source"] == "boltdb");
    const auto started = parse_rfc3339(meta["started"].get<std::string>());
    const auto finished = parse_rfc3339(meta["finished"].get<std::string>());
    REQUIRE(started);
    REQUIRE(finished);
    CHECK(*started >= before);
    CHECK(*finished >= *started);
    CHECK(meta["time"] == meta["finished"]);
}

TEST_CASE("snapshot-meta.json describes the Account+Code snapshot that agents start from, not a full one") {
    const test::TempDir dir;
    SECTION("a full snapshot is described while there is no other") {
        CHECK(make(dir, "baseline.snap.gz", kFull).described);
        CHECK(meta_in(dir)["file"] == "baseline.snap.gz");
        CHECK(make(dir, "acctcode.snap.gz", kAcctCode).described);
        CHECK(meta_in(dir)["file"] == "acctcode.snap.gz");
    }
    SECTION("a later full snapshot has its own description and does not replace this one") {
        make(dir, "acctcode.snap.gz", kAcctCode);
        const std::string before = dir.read("snapshot-meta.json");
        CHECK_FALSE(make(dir, "baseline.snap.gz", kFull).described);
        CHECK(dir.read("snapshot-meta.json") == before);
        const std::string full = test::link_target(dir.path("baseline.snap.gz"));
        CHECK(test::fault_of_immutable(dir.path(), full).empty());
        CHECK(nlohmann::json::parse(dir.read(full + ".json"))["kind"] == "full");
    }
    SECTION("a description whose file is gone is replaced") {
        make(dir, "acctcode.snap.gz", kAcctCode);
        fs::remove(dir.path(test::link_target(dir.path("acctcode.snap.gz"))));
        CHECK(make(dir, "baseline.snap.gz", kFull).described);
    }
    SECTION("a full snapshot under the described name is described, because the file has changed") {
        make(dir, "acctcode.snap.gz", kAcctCode);
        CHECK(make(dir, "acctcode.snap.gz", kFull).described);
        CHECK(meta_in(dir)["kind"] == "full");
    }
    SECTION("a description of an older version is judged by its namespaces") {
        make(dir, "acctcode.snap.gz", kAcctCode);
        auto old = meta_in(dir);
        for (const char* key : {"kind", "source", "started", "finished"})
            old.erase(key);
        dir.write("snapshot-meta.json", old.dump());
        CHECK_FALSE(make(dir, "baseline.snap.gz", kFull).described);
    }
}

TEST_CASE("a file of an older version under the fixed name is replaced by the link") {
    const test::TempDir dir;
    dir.write("acctcode.snap.gz", "yesterday's");
    make(dir, "acctcode.snap.gz", kAcctCode);
    CHECK_FALSE(test::link_target(dir.path("acctcode.snap.gz")).empty());
}

TEST_CASE("exporting the same state again gives the same name and no further file") {
    const test::TempDir dir;
    make(dir, "acctcode.snap.gz", kAcctCode);
    const auto names = test::sorted_names(dir.path());
    make(dir, "acctcode.snap.gz", kAcctCode);
    CHECK(test::sorted_names(dir.path()) == names);
}

TEST_CASE("exporting the same state again leaves the published file and its companions alone") {
    const test::TempDir dir;
    make(dir, "acctcode.snap.gz", kAcctCode);
    const std::string immutable = dir.path(test::link_target(dir.path("acctcode.snap.gz")));
    const auto identity = [&](const std::string& ending) {
        struct stat info {};
        REQUIRE(::stat((immutable + ending).c_str(), &info) == 0);
        return info.st_ino;
    };
    const std::vector<ino_t> before{identity(""), identity(".sha256"), identity(".json")};
    make(dir, "acctcode.snap.gz", kAcctCode);
    CHECK(std::vector<ino_t>{identity(""), identity(".sha256"), identity(".json")} == before);
    // A file that was damaged since then is replaced.
    std::ofstream(immutable, std::ios::in | std::ios::binary).write("damaged!", 8);
    make(dir, "acctcode.snap.gz", kAcctCode);
    CHECK(identity("") != before.front());
    CHECK(test::fault_of_immutable(dir.path(), test::link_target(dir.path("acctcode.snap.gz"))).empty());
}

TEST_CASE("older snapshots stay unless deletion is asked for, and then the newest ones stay") {
    const test::TempDir dir;
    for (const std::uint64_t height : {7U, 40U, 300U})
        add_older(dir, "acctcode.snap.gz", height);
    CHECK(make(dir, "acctcode.snap.gz", kAcctCode).stored == 4);
    const ExportReport report = make(dir, "acctcode.snap.gz", kAcctCode, 2);
    CHECK(report.deleted ==
          std::vector<std::string>{"acctcode-40-0123abcd.snap.gz", "acctcode-7-0123abcd.snap.gz"});
    CHECK(report.stored == 2);
    CHECK(fs::exists(dir.path("acctcode-300-0123abcd.snap.gz.json")));
    CHECK_FALSE(fs::exists(dir.path("acctcode-40-0123abcd.snap.gz.json")));
    CHECK_FALSE(fs::exists(dir.path("acctcode-40-0123abcd.snap.gz.sha256")));
}

TEST_CASE("the snapshot that agents start from, and one that a link points to, are never deleted") {
    const test::TempDir dir;
    make(dir, "acctcode.snap.gz", kAcctCode);
    const std::string described = test::link_target(dir.path("acctcode.snap.gz"));
    const std::string linked = add_older(dir, "acctcode.snap.gz", 5);
    fs::create_symlink(linked, dir.path("of-last-year.snap.gz"));
    add_older(dir, "acctcode.snap.gz", 6);
    add_older(dir, "acctcode.snap.gz", 99'000'000);  // newer than the described one
    const auto deleted = delete_older_snapshots(dir.path("acctcode.snap.gz"), 1);
    REQUIRE(deleted);
    CHECK(*deleted == std::vector<std::string>{"acctcode-6-0123abcd.snap.gz"});
    CHECK(test::fault_of_immutable(dir.path(), described).empty());
    CHECK(fs::exists(dir.path(linked)));
}

TEST_CASE("files of other outputs and of other origin are never deleted") {
    const test::TempDir dir;
    const std::string other = add_older(dir, "baseline.snap.gz", 1);
    for (const std::string name :
         {"acctcode-notes.txt", "acctcode-1.snap.gz", "acctcode-1-0123abcd.snap.gz.bak"})
        dir.write(name, "somebody's");
    make(dir, "acctcode.snap.gz", kAcctCode, 1);
    for (const std::string& name : {other, std::string("acctcode-notes.txt"), std::string("acctcode-1.snap.gz"),
                                    std::string("acctcode-1-0123abcd.snap.gz.bak")})
        CHECK(fs::exists(dir.path(name)));
}

TEST_CASE("files that a killed job left of an older snapshot are deleted with the others") {
    const test::TempDir dir;
    dir.write("acctcode-5-0123abcd.snap.gz.json", "{}");
    dir.write("acctcode-6-0123abcd.snap.gz.sha256", "");
    CHECK(make(dir, "acctcode.snap.gz", kAcctCode, 1).deleted.size() == 2);
    CHECK_FALSE(fs::exists(dir.path("acctcode-5-0123abcd.snap.gz.json")));
}

TEST_CASE("what a killed job left is not counted among the snapshots to keep") {
    const test::TempDir dir;
    const std::string whole = add_older(dir, "acctcode.snap.gz", 7);
    add_older(dir, "acctcode.snap.gz", 6);
    dir.write("acctcode-8-0123abcd.snap.gz.json", "{}");
    const auto deleted = delete_older_snapshots(dir.path("acctcode.snap.gz"), 1);
    REQUIRE(deleted);
    CHECK(*deleted == std::vector<std::string>{"acctcode-6-0123abcd.snap.gz"});
    CHECK(fs::exists(dir.path(whole)));
}

TEST_CASE("two jobs publish into one folder one after the other") {
    const test::TempDir dir;
    {
        const auto held = FolderLock::take(dir.path(), 0ms);
        REQUIRE(held);
        const auto second = FolderLock::take(dir.path(), 0ms);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == ErrorCode::try_again);
    }
    CHECK(FolderLock::take(dir.path(), 0ms));
}

TEST_CASE("output names that leave no room for the immutable name are refused before the work") {
    const test::TempDir dir;
    ExportOptions options;
    options.source = std::string(IOSWARM_TEST_DATA) + "/bolt/trie.db";
    for (const std::string& name : {std::string(219, 'a'), std::string("acctcode-5-0123abcd.snap.gz")}) {
        options.output = dir.path(name);
        const auto refused = export_snapshot(options, {}, {});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::usage);
    }
    CHECK(test::sorted_names(dir.path()).empty());
    options.output = dir.path(std::string(218, 'a'));
    CHECK(export_snapshot(options, {}, {}));
}
