// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/diffs/sqlite_diff_store.hpp"
#include "core/sqlite/sqlite.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using Catch::Matchers::Contains;
using ioswarm::test::run_cli;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::string diffs_data(const std::string& name) {
    return std::string(IOSWARM_TEST_DATA) + "/" + name;
}

const std::string kChain = diffs_data("node/chain-boltdb/statediffs.db");

/// Creates a log with the chain's 27 diffs.
std::string imported(const test::TempDir& dir) {
    const std::string log = dir.path("log.db");
    REQUIRE(run_cli({"diffs", "import", kChain, "--to", log}).code == 0);
    return log;
}

}  // namespace

TEST_CASE(
    "diffs import copies a node's store, a second import changes nothing, and both report in text and JSON",
    "[cli]") {
    const test::TempDir dir;
    const std::string log = dir.path("log.db");
    const auto first = run_cli({"diffs", "import", kChain, "--to", log});
    CHECK(first.code == 0);
    CHECK(first.out == log + ": heights 1 to 27; 27 diffs appended, 0 were held already\n");
    const auto again = run_cli({"diffs", "import", "--json", kChain, "--to", log});
    CHECK(again.code == 0);
    const Json json = Json::parse(again.out);
    CHECK(json["appended"] == 0);
    CHECK(json["held_already"] == 27);
    CHECK(json["after"]["tip"] == 27);
    const auto quiet = run_cli({"diffs", "import", "-q", kChain, "--to", log});
    CHECK(quiet.code == 0);
    CHECK((quiet.out + quiet.err).empty());
}

TEST_CASE("diffs import refuses to overwrite and says what to do", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    const auto misfit = run_cli({"diffs", "import", diffs_data("bolt/statediffs.db"), "--to", log});
    CHECK(misfit.code == 65);
    CHECK_THAT(misfit.err, Contains("log 1 to 27, file 46006461 to 46006580"));
    const auto other = run_cli({"diffs", "import", diffs_data("node/chain-pebble/statediffs.db"), "--to", log});
    CHECK(other.code == 65);
    CHECK_THAT(other.err, Contains("differs"));
    // iotex-core's store and our log have the same file name. Its store is never taken for our log.
    fs::copy_file(kChain, dir.path("statediffs.db"));
    fs::permissions(dir.path("statediffs.db"), fs::perms::owner_write, fs::perm_options::add);
    const auto onto =
        run_cli({"diffs", "import", diffs_data("bolt/statediffs.db"), "--to", dir.path("statediffs.db")});
    CHECK(onto.code == 65);
    CHECK_THAT(onto.err, Contains("give another diffStorePath") && !Contains("move"));
    const auto itself =
        run_cli({"diffs", "import", dir.path("statediffs.db"), "--to",
                 dir.path("../") + fs::path(dir.path()).filename().string() + "/statediffs.db"});
    CHECK(itself.code == 64);
    // SQLite would delete a log that is made under the name of the source's WAL, even if there is none now.
    REQUIRE_FALSE(fs::exists(log + "-wal"));
    for (const char* part : {"-wal", "-shm", ".lock"}) {
        const auto beside = run_cli({"diffs", "import", log, "--to", log + part});
        CHECK(beside.code == 64);
        CHECK_THAT(beside.err, Contains("is a part of the source"));
    }
    CHECK(run_cli({"diffs", "verify", dir.path("statediffs.db")}).code == 0);
    CHECK(run_cli({"diffs", "verify", log}).code == 0);
    CHECK(run_cli({"diffs", "import", diffs_data("bolt/trie.db"), "--to", log}).code == 65);
    CHECK(run_cli({"diffs", "import", dir.path("none"), "--to", log}).code == 66);
    CHECK(run_cli({"diffs", "import", "--to", log}).code == 64);
}

TEST_CASE("diffs import refuses the diffs of another chain", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    const auto set_chain = [](const std::string& file, const ChainIdentity& chain) {
        const auto store = SqliteDiffStore::open(file);
        REQUIRE(store);
        REQUIRE((*store)->set_chain(chain));
    };
    set_chain(log, {4690, 2});
    const std::string other = dir.path("other.db");
    REQUIRE(SqliteDiffStore::open(other));  // an empty log
    set_chain(other, {4689, 1});
    const auto refused = run_cli({"diffs", "import", log, "--to", other});
    CHECK(refused.code == 65);
    CHECK_THAT(refused.err, Contains("of another chain") && Contains("4690") && Contains("4689"));
    CHECK(SqliteDiffStore::open_read_only(other).value()->range().empty());
}

TEST_CASE("a log without a chain takes that of the diffs that are imported into it", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    const auto chain_of = [](const std::string& file) {
        return SqliteDiffStore::open_read_only(file).value()->chain().value();
    };
    CHECK_FALSE(chain_of(log));  // iotex-core's store does not name its chain
    REQUIRE(SqliteDiffStore::open(log).value()->set_chain({4690, 2}));
    const std::string copy = dir.path("copy.db");
    CHECK(run_cli({"diffs", "import", log, "--to", copy}).code == 0);
    CHECK(chain_of(copy) == ChainIdentity{4690, 2});
}

TEST_CASE("a log that another process writes is refused for writing, and can be read", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    const auto holder = SqliteDiffStore::open(log);
    REQUIRE(holder);
    for (const std::vector<std::string>& writing :
         {std::vector<std::string>{"diffs", "import", kChain, "--to", log},
          {"diffs", "restart", "--yes", log}}) {
        const auto refused = run_cli(writing);
        CHECK(refused.code == 75);
    }
    CHECK(run_cli({"diffs", "verify", log}).code == 0);
    CHECK(run_cli({"diffs", "stat", log}).code == 0);
}

TEST_CASE("without a name the configuration's log is used", "[cli]") {
    const test::TempDir dir;
    const std::string config = dir.write("c.yaml", "ioswarm:\n  dataDir: " + dir.path("data") + "\n");
    CHECK(run_cli({"diffs", "import", kChain, "--config", config}).code == 0);
    CHECK(fs::exists(dir.path("data/statediffs.db")));
    const auto by_flag = run_cli({"diffs", "stat", "--json", "--data-dir", dir.path("data")});
    CHECK(by_flag.code == 0);
    CHECK(Json::parse(by_flag.out)["diffs"] == 27);
    CHECK(run_cli({"diffs", "verify", "--diff-store-path", dir.path("data/statediffs.db")}).code == 0);
    CHECK(run_cli({"diffs", "stat", "--config", dir.write("bad.yaml", "ioswarm:\n  grpcPort: x\n")}).code ==
          78);
}

TEST_CASE("diffs stat prints format, heights and count for both formats", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    const Json ours = Json::parse(run_cli({"diffs", "stat", "--json", log}).out);
    CHECK(ours["kind"] == "ioswarm");
    CHECK(ours["range"]["floor"] == 1);
    CHECK(ours["range"]["tip"] == 27);
    CHECK(ours["newest_ok"] == true);
    CHECK(ours["bytes"] >= fs::file_size(log));
    CHECK_THAT(ours["written"].get<std::string>(), Catch::StartsWith("20") && Catch::EndsWith("Z"));
    const Json theirs = Json::parse(run_cli({"diffs", "stat", "--json", diffs_data("bolt/statediffs.db")}).out);
    CHECK(theirs["kind"] == "iotex-core");
    CHECK(theirs["diffs"] == 120);
    CHECK_THAT(run_cli({"diffs", "stat", log}).out, Contains("heights  1 to 27\n"));
    CHECK(run_cli({"diffs", "stat", dir.path("none")}).code == 66);
    CHECK(run_cli({"diffs", "stat", dir.write("text", "no log at all")}).code == 65);
}

TEST_CASE("diffs verify exits with 1 and names the height when a diff is damaged", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    CHECK(run_cli({"diffs", "verify", log}).out == log + ": sound, heights 1 to 27, 27 diffs\n");
    // Flip one bit in the middle of the file, which is full of records.
    std::string content = dir.read("log.db");
    const std::size_t at = content.size() / 2;
    content[at] = static_cast<char>(content[at] ^ 0x10);
    std::ofstream(log, std::ios::binary) << content;
    const auto told = run_cli({"diffs", "verify", log});
    CHECK(told.code == 1);
    CHECK_THAT(told.err, Contains("height"));
    const Json json = Json::parse(run_cli({"diffs", "verify", "--json", log}).out);
    CHECK(json["ok"] == false);
    CHECK_THAT(json["reason"].get<std::string>(), Contains("height"));
    const auto quiet = run_cli({"diffs", "verify", "-q", log});
    CHECK(quiet.code == 1);
    CHECK((quiet.out + quiet.err).empty());
}

TEST_CASE("diffs verify lists every height that cannot be read, and says what to do", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    {
        auto database = sqlite::Database::open(log, sqlite::Database::Mode::read_write, "diff log");
        REQUIRE(database);
        REQUIRE(database->execute("UPDATE diffs SET digest = zeroblob(32) WHERE height = 10"));
        REQUIRE(database->execute("DELETE FROM diffs WHERE height = 20"));
    }
    const auto told = run_cli({"diffs", "verify", log});
    CHECK(told.code == 1);
    // Height 21 is whole, but it cannot be checked without the row before it.
    CHECK_THAT(told.err, Contains("heights that cannot be read: 10, 20 to 21\n") && Contains("diffs restart") &&
                             !Contains("diffs verify lists"));
    const Json json = Json::parse(run_cli({"diffs", "verify", "--json", log}).out);
    REQUIRE(json["unreadable"].size() == 2);
    CHECK(json["unreadable"][1] == Json{{"floor", 20}, {"tip", 21}});
}

TEST_CASE("diffs export prints one JSON object per line, for the given heights", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    const auto all = run_cli({"diffs", "export", log});
    CHECK(all.code == 0);
    CHECK(std::count(all.out.begin(), all.out.end(), '\n') == 27);
    CHECK(run_cli({"diffs", "export", kChain}).out == all.out);
    const auto some = run_cli({"diffs", "export", log, "--from", "26", "--to", "27"});
    CHECK(all.out.substr(all.out.size() - some.out.size()) == some.out);
    const Json last = Json::parse(some.out.substr(some.out.find('\n') + 1));
    CHECK(last["height"] == 27);
    CHECK(last["digest"].get<std::string>().size() == 64);
    const Json& height = last["entries"].back();
    CHECK(height["op"] == "put");
    CHECK(height["namespace"] == "Account");
    CHECK(height["key"] == to_hex(as_bytes("currentHeight")));
    CHECK(height["value"] == "1b00000000000000");
    CHECK(std::any_of(last["entries"].begin(), last["entries"].end(),
                      [](const Json& entry) { return entry["op"] == "delete" && !entry.contains("value"); }));
    CHECK(run_cli({"diffs", "export", log, "--from", "28"}).code == 64);
    CHECK(run_cli({"diffs", "export", log, "--from", "20", "--to", "28"}).code == 65);
    CHECK(run_cli({"diffs", "export", log, "--from", "5", "--to", "4"}).code == 64);
    CHECK(run_cli({"diffs", "export", log, "--from", "0"}).code == 64);
}

TEST_CASE("diffs restart empties the log only after confirmation", "[cli]") {
    const test::TempDir dir;
    const std::string log = imported(dir);
    CHECK(run_cli({"diffs", "restart", dir.path("none")}).code == 66);
    CHECK_FALSE(fs::exists(dir.path("none")));
    CHECK(run_cli({"diffs", "restart", "--yes", dir.write("text", "no log at all")}).code == 65);
    CHECK(run_cli({"diffs", "restart", "--yes", log}).code == 0);
    CHECK(Json::parse(run_cli({"diffs", "stat", "--json", log}).out)["range"].is_null());
    CHECK(run_cli({"diffs", "verify", log}).code == 0);
    CHECK(run_cli({"diffs", "export", log}).out.empty());
    CHECK(run_cli({"diffs", "restart", "--yes", "--from", "46006461", log}).code == 0);
    CHECK_THAT(run_cli({"diffs", "stat", log}).out, Contains("none, to begin at 46006461\n"));
    CHECK(run_cli({"diffs", "restart", "--yes", "--from", "0", log}).code == 64);
    CHECK(run_cli({"diffs", "import", diffs_data("bolt/statediffs.db"), "--to", log}).code == 0);
}

TEST_CASE("snapshot roll builds the node's own state from a base and a log of either format", "[cli]") {
    const test::TempDir dir;
    const std::string base = diffs_data("node/chain-boltdb/base.snap.gz");
    const std::string final_state = diffs_data("node/chain-boltdb/final.snap.gz");
    const std::string output = dir.path("today.snap.gz");
    for (const std::string& log : {imported(dir), kChain}) {
        const auto done =
            run_cli({"snapshot", "roll", "--base", base, "--diffs", log, "--output", output, "--json"});
        CHECK(done.code == 0);
        const Json json = Json::parse(done.out);
        CHECK(json["height"] == 27);
        CHECK(json["base_height"] == 11);
        CHECK(json["diffs"] == 16);
        CHECK(run_cli({"snapshot", "diff", "-q", output, final_state}).code == 0);
        fs::remove(output);
    }
}

TEST_CASE("the exit code of snapshot roll shows what is wrong", "[cli]") {
    const test::TempDir dir;
    const std::string base = diffs_data("node/chain-boltdb/base.snap.gz");
    const auto roll = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"snapshot", "roll", "--output", dir.path("today.snap.gz")});
        return run_cli(std::move(more)).code;
    };
    CHECK(roll({"--base", diffs_data("node/chain-boltdb/final.snap.gz"), "--diffs", kChain}) == 75);
    CHECK(roll({"--base", base, "--diffs", diffs_data("bolt/statediffs.db")}) == 65);
    CHECK(roll({"--base", base, "--diffs", kChain, "--to", "28"}) == 65);
    CHECK(roll({"--base", base, "--diffs", kChain, "--to", "11"}) == 64);
    CHECK(roll({"--base", base, "--diffs", kChain, "--namespaces", "Account,Nowhere"}) == 65);
    CHECK(roll({"--base", base, "--diffs", kChain, "--namespaces", "Account,,Code"}) == 64);
    CHECK(roll({"--base", base, "--diffs", kChain, "--publish-cmd", "a 'b"}) == 64);
    CHECK(roll({"--base", base, "--diffs", dir.path("none")}) == 66);
    CHECK(roll({"--base", dir.path("none"), "--diffs", kChain}) == 66);
    CHECK(roll({"--base", base}) == 64);
    CHECK_FALSE(fs::exists(dir.path("today.snap.gz")));
    CHECK(roll({"--base", base, "--diffs", kChain, "-q", "--publish-cmd", "false"}) == 1);
    CHECK(run_cli({"snapshot", "verify", "-q", dir.path("today.snap.gz")}).code == 0);
}
