// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <stop_token>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/snapshot/output_options.hpp"
#include "cli/snapshot/run_command.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using Catch::Matchers::Contains;
using ioswarm::test::run_cli;
using Json = nlohmann::json;
namespace fs = std::filesystem;

TEST_CASE("split_words splits text as a shell does and expands nothing", "[cli]") {
    using Words = std::vector<std::string>;
    CHECK(*cli::split_words("rsync -a  'a b' \"c 'd'\" e\\ f") == Words{"rsync", "-a", "a b", "c 'd'", "e f"});
    CHECK(*cli::split_words("echo $HOME *.gz `id` ; rm") == Words{"echo", "$HOME", "*.gz", "`id`", ";", "rm"});
    CHECK(*cli::split_words("a '' \"\"") == Words{"a", "", ""});
    CHECK(*cli::split_words("'a'b\"c\"") == Words{"abc"});
    for (const std::string bad : {"", "  \t ", "a 'b", "a \"b"}) {
        INFO(bad);
        const auto words = cli::split_words(bad);
        REQUIRE_FALSE(words);
        CHECK(words.error().code == ErrorCode::usage);
    }
}

TEST_CASE("run_program waits, and reports how a failed program ended", "[cli]") {
    CHECK(cli::run_program({"true"}));
    const auto failed = cli::run_program({"sh", "-c", "exit 3"});
    CHECK(failed.error().code == ErrorCode::failed_check);
    CHECK_THAT(failed.error().text(), Contains("ended with 3"));
    CHECK_THAT(cli::run_program({"sh", "-c", "kill -9 $$"}).error().text(), Contains("signal 9"));
    CHECK(cli::run_program({"/nowhere/none"}).error().code == ErrorCode::not_found);
}

TEST_CASE("run_program ends a program and its children on a stop and after its time limit", "[cli]") {
    const test::TempDir dir;
    const std::string pipe = dir.path("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const int alive = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const auto wait_for = [&] {
        pollfd event{alive, POLLIN, 0};
        return ::poll(&event, 1, 60'000) == 1;
    };
    // The program reports when it has started its child. Both keep the pipe open for as long as they live.
    const std::vector<std::string> words{"sh", "-c", "exec 9>\"$1\"; sleep 1000 & echo x >&9; wait", "sh",
                                         pipe};
    cli::ProgramLimits limits;
    limits.grace = std::chrono::milliseconds(100);
    SECTION("on a stop") {
        std::stop_source stop;
        limits.stop = stop.get_token();
        const std::jthread signal([&] {
            (void)wait_for();
            stop.request_stop();
        });
        CHECK(cli::run_program(words, limits).error().code == ErrorCode::cancelled);
    }
    SECTION("after its time limit") {
        limits.time = std::chrono::milliseconds(300);
        CHECK(cli::run_program(words, limits).error().code == ErrorCode::timed_out);
    }
    SECTION("after its time limit, although it ignores SIGTERM") {
        limits.time = std::chrono::milliseconds(300);
        std::vector<std::string> stubborn = words;
        stubborn[2] = "trap '' TERM; " + words[2];
        CHECK(cli::run_program(stubborn, limits).error().code == ErrorCode::timed_out);
    }
    // Then no process has the pipe open any more, so reading reaches its end.
    char byte = 'x';
    ssize_t got = 1;
    while (got == 1 && wait_for())
        got = ::read(alive, &byte, 1);
    CHECK(got == 0);
    ::close(alive);
}

TEST_CASE("the publish command ends after --timeout and on a signal, and the output says so", "[cli]") {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    cli::Io io{in, out, err, false};
    const snapshot::ExportReport report;
    const std::string output = "/srv/a.gz";
    cli::SnapshotOutputOptions options;
    options.quiet = true;
    options.publish = "sh -c 'exec sleep 1000'";  // it ignores the file names that it gets
    SECTION("after its time limit") {
        const cli::JobTime time(std::chrono::milliseconds(200));
        CHECK(cli::tell_and_publish(options, {report, output}, time, {}, io) == cli::ExitCode::try_again);
        CHECK_THAT(err.str(), Contains("sh: ") && Contains("--timeout"));
    }
    SECTION("on a signal") {
        std::stop_source stop;
        stop.request_stop();
        const cli::JobTime time(std::chrono::milliseconds(0));
        CHECK(cli::tell_and_publish(options, {report, output}, time, stop.get_token(), io) ==
              cli::ExitCode::interrupted);
        CHECK_THAT(err.str(), Contains("sh: ") && Contains("signal"));
    }
    CHECK_THAT(err.str(), Contains("the snapshot is complete"));
}

TEST_CASE("a roll's JSON has the omitted namespaces and the source's warnings", "[cli]") {
    const test::TempDir dir;
    const auto made =
        run_cli({"snapshot", "roll", "--json", "--base", test::data_path("node/chain-boltdb/base.snap.gz"),
                 "--diffs", test::data_path("node/chain-boltdb/statediffs.db"), "--output", dir.path("a.gz")});
    REQUIRE(made.code == 0);
    CHECK(Json::parse(made.out)["left_out"] == Json::array({"Rewarding"}));
    CHECK(Json::parse(made.out)["warnings"] == Json::array());
    // A node's directory whose newest log lacks its last byte.
    fs::copy(test::data_path("node/chain-pebble/final-trie.db"), dir.path("trie.db"),
             fs::copy_options::recursive);
    std::string newest;
    for (const auto& file : fs::directory_iterator(dir.path("trie.db")))
        if (file.path().extension() == ".log") newest = std::max(newest, file.path().string());
    REQUIRE_FALSE(newest.empty());
    fs::permissions(newest, fs::perms::owner_write, fs::perm_options::add);
    fs::resize_file(newest, fs::file_size(newest) - 12);
    const auto torn = run_cli({"snapshot", "export", "--json", "--source", dir.path("trie.db"), "--output",
                               dir.path("b.gz"), "--namespaces", "Account"});
    INFO(torn.err);
    REQUIRE(torn.code == 0);
    CHECK_THAT(torn.err, Contains("torn record"));
    CHECK(Json::parse(torn.out)["warnings"].size() == 1);
    const auto own = fs::path(Json::parse(torn.out)["immutable"].get<std::string>() + ".json").filename();
    CHECK(Json::parse(dir.read(own.string()))["warnings"] == Json::parse(torn.out)["warnings"]);
    // Without Code no agent can start from it, so the other one stays described.
    CHECK(Json::parse(torn.out)["described"] == false);
    CHECK(Json::parse(dir.read("snapshot-meta.json"))["file"] == "a.gz");
    const auto stats = run_cli({"l4baseline", "--stats", "--json", "--source", dir.path("trie.db")});
    CHECK(stats.code == 0);
    CHECK_THAT(stats.err, Contains("torn record"));
    CHECK(Json::parse(stats.out)["warnings"] == Json::parse(torn.out)["warnings"]);
}

TEST_CASE("snapshot verify exits with 0 for a complete file, and with 1 and the reason for a damaged one",
          "[cli]") {
    CHECK(run_cli({"snapshot", "verify", test::data_path("snapshots/full.snap.gz")}).code == 0);
    const auto json = run_cli({"snapshot", "verify", "--json", test::data_path("snapshots/full.snap.gz")});
    CHECK(Json::parse(json.out)["ok"] == true);
    CHECK(Json::parse(json.out)["height"] == 46006460);
    const auto broken = run_cli({"snapshot", "verify", test::data_path("snapshots/bad/digest-wrong.snap.gz")});
    CHECK(broken.code == 1);
    CHECK(broken.out.empty());
    CHECK_THAT(broken.err, Contains("digest"));
    const auto told =
        run_cli({"snapshot", "verify", "--json", test::data_path("snapshots/bad/digest-wrong.snap.gz")});
    CHECK(told.code == 1);
    CHECK(Json::parse(told.out)["ok"] == false);
    const auto quiet = run_cli({"snapshot", "verify", "-q", test::data_path("snapshots/bad/marker-7.snap.gz")});
    CHECK(quiet.code == 1);
    CHECK((quiet.out + quiet.err).empty());
    CHECK(run_cli({"snapshot", "verify", "/nowhere/none.gz"}).code == 66);
    CHECK(run_cli({"snapshot", "verify"}).code == 64);
}

TEST_CASE("snapshot inspect prints counts, entries and one account", "[cli]") {
    const std::string file = test::data_path("node/chain-boltdb/final.snap.gz");
    const auto summary = run_cli({"snapshot", "inspect", file});
    CHECK(summary.code == 0);
    CHECK_THAT(summary.out, Contains("height   27\n") && Contains("entries  1198\n") && Contains("Contract"));
    const Json json = Json::parse(run_cli({"snapshot", "inspect", "--json", file}).out);
    CHECK(json["height"] == 27);
    CHECK(json["namespaces"]["Account"]["entries"] == 496);
    const auto entries = run_cli({"snapshot", "inspect", "--entries", file});
    CHECK(std::count(entries.out.begin(), entries.out.end(), '\n') == 1198);
    // The first key of 20 bytes is an account. Both spellings of its address find it.
    const std::size_t line = entries.out.find("Account ");
    std::string key;
    for (std::size_t at = line; key.size() != 40 && at != std::string::npos;
         at = entries.out.find("\nAccount ", at + 1)) {
        const std::size_t from = entries.out.find(' ', at + 1) + 1;
        key = entries.out.substr(from, entries.out.find(' ', from) - from);
    }
    REQUIRE(key.size() == 40);
    const Json account =
        Json::parse(run_cli({"snapshot", "inspect", "--json", "--account", "0x" + key, file}).out);
    CHECK_THAT(account["io"].get<std::string>(), Catch::StartsWith("io1"));
    CHECK(Json::parse(run_cli({"snapshot", "inspect", "--json", "--account", account["io"], file}).out) ==
          account);
    CHECK(run_cli({"snapshot", "inspect", "--account", "0x" + std::string(40, '7'), file}).code == 1);
    CHECK(run_cli({"snapshot", "inspect", "--account", "nobody", file}).code == 64);
    CHECK(run_cli({"snapshot", "inspect", test::data_path("snapshots/bad/ends-in-entry.snap.gz")}).code == 65);
}

TEST_CASE("snapshot diff lists the differences and exits with 1", "[cli]") {
    const std::string base = test::data_path("node/chain-boltdb/base.snap.gz");
    const std::string final = test::data_path("node/chain-boltdb/final.snap.gz");
    const auto same = run_cli({"snapshot", "diff", base, base});
    CHECK(same.code == 0);
    CHECK_THAT(same.out, Contains("0 only in the first, 0 only in the second, 0 changed"));
    const auto differ = run_cli({"snapshot", "diff", base, final});
    CHECK(differ.code == 1);
    CHECK_THAT(differ.out, Contains("\n~ Account "));
    const Json counts = Json::parse(run_cli({"snapshot", "diff", "--json", base, final}).out);
    const Json back = Json::parse(run_cli({"snapshot", "diff", "--json", final, base}).out);
    CHECK(counts["same"] == false);
    CHECK(counts["only_a"] == back["only_b"]);
    CHECK(counts["only_b"] == back["only_a"]);
    CHECK(counts["changed"] == back["changed"]);
    // A snapshot with fewer namespaces lacks the others. Nothing else differs.
    const Json fewer =
        Json::parse(run_cli({"snapshot", "diff", "--json", test::data_path("snapshots/acctcode.snap.gz"),
                             test::data_path("snapshots/full.snap.gz")})
                        .out);
    CHECK(fewer["only_a"] == 0);
    CHECK(fewer["only_b"] == 2728);
    CHECK(fewer["changed"] == 0);
    CHECK(run_cli({"snapshot", "diff", base, "/nowhere/none.gz"}).code == 66);
    CHECK(run_cli({"snapshot", "diff", base, test::data_path("snapshots/bad/marker-7.snap.gz")}).code == 65);
}

TEST_CASE("snapshot export refuses a wrong command line before it opens anything", "[cli]") {
    const test::TempDir dir;
    const std::string source = test::data_path("bolt/trie.db");
    const std::string output = dir.path("a.snap.gz");
    CHECK(run_cli({"snapshot", "export", "--source", source}).code == 64);
    CHECK(run_cli({"snapshot", "export", "--output", output}).code == 64);
    for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--namespaces", "Account,,Code"},
                                                  {"--namespaces", "Account,Code,Account"},
                                                  {"--compression", "best"},
                                                  {"--timeout", "soon"},
                                                  {"--live", "--snapshot-copy"},
                                                  {"--publish-cmd", "a 'b"},
                                                  {"--threads", "1000"}}) {
        INFO(wrong.front());
        std::vector<std::string> line{"snapshot", "export", "--source", source, "--output", output};
        line.insert(line.end(), wrong.begin(), wrong.end());
        CHECK(run_cli(line).code == 64);
    }
    CHECK(fs::is_empty(dir.path()));
}

TEST_CASE("l4baseline --stats prints the content of the state and writes nothing", "[cli]") {
    const test::TempDir dir;
    for (const std::string name : {"l4baseline", "snapshotexporter"}) {
        INFO(name);
        const auto told = run_cli({"-source", test::data_path("bolt/trie.db"), "-stats", "-json"}, "", name);
        INFO(told.err);
        REQUIRE(told.code == 0);
        const Json stats = Json::parse(told.out);
        CHECK(stats["height"] == 46006460);
        CHECK(stats["source"] == "boltdb");
        std::uint64_t entries = 0;
        for (const char* one : {"Account", "Code", "Contract"})
            entries += stats["namespaces"][one]["entries"].get<std::uint64_t>();
        CHECK(entries == 4588);
    }
    const auto text = run_cli({"l4baseline", "--stats", "--source", test::data_path("bolt/trie.db")});
    CHECK(text.code == 0);
    CHECK_THAT(text.out,
               Contains("trie.db: boltdb, height 46006460") && Contains("Account") && Contains("Code"));
    // Nothing is written, whatever other options are given.
    const auto with_output = run_cli({"l4baseline", "--stats", "--source", test::data_path("bolt/trie.db"),
                                      "--output", dir.path("a.snap.gz"), "--namespaces", "Code"});
    CHECK(with_output.code == 0);
    CHECK_THAT(with_output.out, Contains("Code") && !Contains("Account "));
    CHECK(std::filesystem::is_empty(dir.path()));
    const auto pebble =
        run_cli({"l4baseline", "--stats", "--source", test::data_path("node/chain-pebble/final-trie.db")});
    CHECK(pebble.code == 0);
    CHECK_THAT(pebble.out, Contains("pebbledb") && Contains("Account"));
    // Without --stats a file is made, so the output must be named.
    const auto neither = run_cli({"l4baseline", "--source", test::data_path("bolt/trie.db")});
    CHECK(neither.code == 64);
    CHECK_THAT(neither.err, Contains("--output is required"));
    CHECK(
        run_cli({"l4baseline", "--stats", "--source", test::data_path("bolt/trie.db"), "--namespaces", "None"})
            .code == 65);
    CHECK(run_cli({"l4baseline", "--stats"}).code == 64);
}

TEST_CASE("a missing source is reported as such, live or not", "[cli]") {
    const test::TempDir dir;
    const std::string none = dir.path("tire.db");
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--live"}, {"--snapshot-copy"}}) {
        std::vector<std::string> arguments{"snapshot", "export",   "--source",
                                           none,       "--output", dir.path("a.snap.gz")};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const auto run = run_cli(arguments);
        CHECK(run.code == 66);
        CHECK_THAT(run.err, Contains(none) && Contains("No such file or directory"));
    }
    const auto live = run_cli({"snapshot", "export", "--live", "--source", test::data_path("bolt/trie.db"),
                               "--output", dir.path("a.snap.gz")});
    CHECK(live.code == 64);
    CHECK_THAT(live.err, Contains("a BoltDB file gives no consistent view"));
}

TEST_CASE("a pipe instead of a snapshot, a state or a log of diffs is refused at once", "[cli]") {
    const test::TempDir dir;
    const std::string pipe = dir.path("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(run_cli({"snapshot", "verify", pipe}).code == 1);
    CHECK(run_cli({"snapshot", "inspect", pipe}).code == 65);
    CHECK(run_cli({"snapshot", "export", "--source", pipe, "--output", dir.path("a.gz")}).code == 65);
    CHECK(run_cli({"diffs", "stat", pipe}).code != 0);
    CHECK(run_cli({"diffs", "import", pipe, "--to", dir.path("log/statediffs.db")}).code != 0);
}
