// SPDX-License-Identifier: Apache-2.0
// `ioswarm snapshot` as cron runs it: exit codes, files, the names that deployed tools use, signals.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>

#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using Catch::Matchers::Contains;
using ioswarm::test::Program;
using ioswarm::test::ProgramRun;
using ioswarm::test::run_program;
using ioswarm::test::TempDir;
namespace fs = std::filesystem;

namespace {

ProgramRun run_snapshot(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {IOSWARM_BINARY, "snapshot"});
    return run_program(std::move(arguments));
}

/// The files of a.snap.gz that a publish command gets, one per line: the fixed names, then the immutable ones.
std::string published_files(const TempDir& dir) {
    const std::string immutable = dir.path(fs::read_symlink(dir.path("a.snap.gz")).string());
    std::string out;
    for (const std::string& file :
         {dir.path("a.snap.gz"), dir.path("a.snap.gz.sha256"), dir.path("snapshot-meta.json"), immutable,
          immutable + ".sha256", immutable + ".json"})
        out += file + "\n";
    return out;
}

ProgramRun run_export(const TempDir& dir, const std::string& source, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"export", "--source", source, "--output", dir.path("a.snap.gz")});
    return run_snapshot(std::move(more));
}

}  // namespace

TEST_CASE("an exported snapshot verifies, equals the reference's, and its digest agrees with sha256sum",
          "[e2e]") {
    const TempDir dir;
    const ProgramRun done = run_export(dir, test::data_path("bolt/trie.db"), {"--stats"});
    CHECK(done.code == 0);
    CHECK_THAT(done.out, Contains("height 46006460, 4588 entries") && Contains("Contract"));
    CHECK(run_snapshot({"verify", dir.path("a.snap.gz")}).code == 0);
    CHECK(run_snapshot({"diff", dir.path("a.snap.gz"), test::data_path("snapshots/full.snap.gz")}).code == 0);
    CHECK(run_program({"/bin/sh", "-c", "cd " + dir.path() + " && sha256sum -c a.snap.gz.sha256"}).code == 0);
    CHECK(run_program({"/bin/gunzip", "-t", dir.path("a.snap.gz")}).code == 0);
    const ProgramRun quiet = run_export(dir, test::data_path("node/chain-pebble/final-trie.db"), {"-q"});
    CHECK(quiet.code == 0);
    CHECK((quiet.out + quiet.err).empty());
}

TEST_CASE("the tools' names from iotex-core work with their own flags", "[e2e]") {
    for (const std::string name : {"l4baseline", "ioswarm-l4baseline", "snapshotexporter"}) {
        INFO(name);
        const TempDir dir;
        fs::create_symlink(IOSWARM_BINARY, dir.path(name));
        const ProgramRun done =
            run_program({dir.path(name), "-source", test::data_path("bolt/trie.db"), "-output",
                         dir.path("acctcode.snap.gz"), "--namespaces", "Account,Code"});
        CHECK(done.code == 0);
        CHECK(
            run_snapshot({"diff", dir.path("acctcode.snap.gz"), test::data_path("snapshots/acctcode.snap.gz")})
                .code == 0);
    }
}

TEST_CASE("an export that fails shows the reason by its exit code and leaves the old file", "[e2e]") {
    const TempDir dir;
    dir.write("a.snap.gz", "yesterday's");
    CHECK(run_export(dir, test::data_path("bolt/bad/leaf-key-size-huge.db")).code == 65);
    CHECK(run_export(dir, test::data_path("bolt/trie.db"), {"--namespaces", "Account,Nothing"}).code == 65);
    CHECK(run_export(dir, dir.path("none")).code == 66);
    CHECK(run_export(dir, test::data_path("bolt/trie.db"), {"--threads", "x"}).code == 64);
    fs::copy_file(test::data_path("bolt/trie.db"), dir.path("trie.db"));
    const int node = ::open(dir.path("trie.db").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(node, LOCK_EX) == 0);
    const ProgramRun locked = run_export(dir, dir.path("trie.db"), {"--lock-timeout", "1ms"});
    CHECK(locked.code == 75);
    CHECK_THAT(locked.err, Contains(std::to_string(::getpid())));
    ::close(node);
    CHECK(dir.read("a.snap.gz") == "yesterday's");
    CHECK(
        run_export(dir, test::data_path("bolt/trie.db"), {"--namespaces", "Account,Nothing", "--allow-missing"})
            .code == 0);
}

TEST_CASE("a second export of the same file exits with 75, and a signal ends the first without a trace",
          "[e2e]") {
    const TempDir dir;
    dir.write("a.snap.gz", "yesterday's");
    fs::copy_file(test::data_path("bolt/trie.db"), dir.path("trie.db"));
    for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}}) {
        // A node that holds the state's lock keeps the export waiting.
        const int node = ::open(dir.path("trie.db").c_str(), O_RDWR | O_CLOEXEC);
        REQUIRE(::flock(node, LOCK_EX) == 0);
        Program first({IOSWARM_BINARY, "snapshot", "export", "--source", dir.path("trie.db"), "--output",
                       dir.path("a.snap.gz"), "--lock-timeout", "10m"});
        // The temporary file is made under the export's lock, so once it exists the lock is held.
        while (!fs::exists(dir.path(".a.snap.gz.part")))
            ::usleep(1000);
        CHECK(run_export(dir, test::data_path("bolt/trie.db")).code == 75);
        first.send(signal);  // while it waits
        CHECK(first.wait() == code);
        ::close(node);
        CHECK(dir.read("a.snap.gz") == "yesterday's");
        CHECK_FALSE(fs::exists(dir.path(".a.snap.gz.part")));
    }
}

TEST_CASE("the publish command gets the finished files, and its failure makes the exit code 1", "[e2e]") {
    const TempDir dir;
    const std::string script =
        dir.write("publish", "#!/bin/sh\nprintf '%s\\n' \"$@\"\nls \"$2\" \"$3\" \"$4\" >/dev/null\n");
    fs::permissions(script, fs::perms::owner_exec, fs::perm_options::add);
    const ProgramRun done =
        run_export(dir, test::data_path("bolt/trie.db"), {"-q", "--publish-cmd", script + " 'to $HOME'"});
    CHECK(done.code == 0);
    CHECK(done.out.empty());
    CHECK(done.err == "to $HOME\n" + published_files(dir));
    CHECK(run_export(dir, test::data_path("bolt/trie.db"), {"-q", "--publish-cmd", "false"}).code == 1);
    CHECK(run_snapshot({"verify", "-q", dir.path("a.snap.gz")}).code == 0);
}

TEST_CASE("a copy that keeps links is complete, of the folder or of the files for a publish command", "[e2e]") {
    const TempDir dir;
    const TempDir copies;
    for (const std::string copy : {"by-command", "by-folder"})
        fs::create_directory(copies.path(copy));
    // As rsync -a does.
    REQUIRE(run_export(dir, test::data_path("bolt/trie.db"),
                       {"-q", "--publish-cmd", "cp -a -t " + copies.path("by-command") + "/"})
                .code == 0);
    CHECK(run_program({"/bin/cp", "-a", dir.path() + "/.", copies.path("by-folder") + "/"}).code == 0);
    for (const std::string copy : {"by-command", "by-folder"}) {
        INFO(copy);
        const std::string folder = copies.path(copy);
        CHECK(run_snapshot({"verify", "-q", folder + "/a.snap.gz"}).code == 0);
        CHECK(run_program({"/bin/sh", "-c", "cd " + folder + " && sha256sum --quiet -c *.sha256"}).code == 0);
    }
}

TEST_CASE("a signal during the publish command ends it, and the snapshot stays", "[e2e]") {
    const TempDir dir;
    for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}}) {
        const std::string begun = dir.path("begun");
        fs::remove(begun);
        Program publishing({IOSWARM_BINARY, "snapshot", "export", "-q", "--source",
                            test::data_path("bolt/trie.db"), "--output", dir.path("a.snap.gz"), "--publish-cmd",
                            "sh -c 'touch " + begun + "; exec sleep 1000'"});
        while (!fs::exists(begun))
            ::usleep(1000);
        publishing.send(signal);
        CHECK(publishing.wait() == code);
    }
    CHECK(run_snapshot({"verify", "-q", dir.path("a.snap.gz")}).code == 0);
}

TEST_CASE("a roll gives the node's own state, with companion files and publish command like an export",
          "[e2e]") {
    const TempDir dir;
    const std::vector<std::string> line{"roll",
                                        "--base",
                                        test::data_path("node/chain-pebble/base.snap.gz"),
                                        "--diffs",
                                        test::data_path("node/chain-pebble/statediffs.db"),
                                        "--output",
                                        dir.path("a.snap.gz")};
    std::vector<std::string> publish = line;
    publish.insert(publish.end(), {"-q", "--publish-cmd", "/bin/ls -U"});
    const ProgramRun done = run_snapshot(publish);
    CHECK(done.code == 0);
    CHECK(done.out.empty());
    CHECK(done.err == published_files(dir));
    CHECK(run_snapshot({"diff", dir.path("a.snap.gz"), test::data_path("node/chain-pebble/final.snap.gz")})
              .code == 0);
    CHECK(run_program({"/bin/sh", "-c", "cd " + dir.path() + " && sha256sum -c a.snap.gz.sha256"}).code == 0);
}

TEST_CASE("a roll that waits for a node's lock ends at a signal, and a roll unlocks after reading the diffs",
          "[e2e]") {
    const TempDir dir;
    fs::copy_file(test::data_path("node/chain-pebble/statediffs.db"), dir.path("statediffs.db"));
    fs::permissions(dir.path("statediffs.db"), fs::perms::owner_write, fs::perm_options::add);
    const int node = ::open(dir.path("statediffs.db").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(node, LOCK_EX) == 0);
    const std::vector<std::string> line{IOSWARM_BINARY,
                                        "snapshot",
                                        "roll",
                                        "--base",
                                        test::data_path("node/chain-pebble/base.snap.gz"),
                                        "--diffs",
                                        dir.path("statediffs.db"),
                                        "--output",
                                        dir.path("a.snap.gz")};
    std::vector<std::string> hurried = line;
    hurried.insert(hurried.end(), {"--lock-timeout", "1ms"});
    const ProgramRun refused = run_program(hurried);
    CHECK(refused.code == 75);
    CHECK_THAT(refused.err, Contains(std::to_string(::getpid())));
    for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}}) {
        std::vector<std::string> patient = line;
        patient.insert(patient.end(), {"--lock-timeout", "1m"});
        Program waiting(patient);
        // Once it has the file open, it handles its signals itself.
        const std::string fds = "/proc/" + std::to_string(waiting.pid()) + "/fd";
        const auto has_it_open = [&] {
            std::error_code gone;
            for (const auto& fd : fs::directory_iterator(fds, gone)) {
                if (fs::read_symlink(fd.path(), gone) == dir.path("statediffs.db")) return true;
            }
            return false;
        };
        while (!has_it_open())
            ::usleep(1000);
        waiting.send(signal);
        CHECK(waiting.wait() == code);
    }
    CHECK_FALSE(fs::exists(dir.path("a.snap.gz")));
    ::close(node);
    CHECK(run_program(line).code == 0);
}

TEST_CASE("the cron script rolls a snapshot onto itself every night without output", "[e2e]") {
    const TempDir dir;
    fs::create_symlink(IOSWARM_BINARY, dir.path("ioswarm"));
    fs::copy_file(test::data_path("node/chain-boltdb/base.snap.gz"), dir.path("acctcode.snap.gz"));
    const std::vector<std::string> line{"/usr/bin/env", "PATH=" + dir.path() + ":/usr/bin:/bin",
                                        "OUTPUT=" + dir.path("acctcode.snap.gz"),
                                        "DIFFS=" + test::data_path("node/chain-boltdb/statediffs.db"),
                                        IOSWARM_DIST "/ioswarm-snapshot-roll.cron"};
    const ProgramRun night = run_program(line);
    CHECK(night.code == 0);
    CHECK((night.out + night.err).empty());
    CHECK(
        run_snapshot({"diff", dir.path("acctcode.snap.gz"), test::data_path("node/chain-boltdb/final.snap.gz")})
            .code == 0);
    CHECK(fs::read_symlink(dir.path("acctcode.snap.gz")).string().starts_with("acctcode-27-"));
    const ProgramRun nothing_new = run_program(line);
    CHECK(nothing_new.code == 75);
    CHECK_THAT(nothing_new.err, Contains("the log ends at 27"));
}

TEST_CASE("the scripts of cli/dist are valid and executable shell scripts", "[e2e]") {
    for (const std::string name : {"ioswarm-snapshot.cron", "ioswarm-snapshot-roll.cron"}) {
        CHECK(run_program({"/bin/sh", "-n", IOSWARM_DIST "/" + name}).code == 0);
        CHECK((fs::status(IOSWARM_DIST "/" + name).permissions() & fs::perms::others_exec) != fs::perms::none);
    }
}
