// SPDX-License-Identifier: Apache-2.0
// A job never destroys a file that it reads, and it replaces the three published files together.
#include "snapshot/output_place.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include <catch2/catch.hpp>

#include "snapshot/export.hpp"
#include "snapshot/open_diffs.hpp"
#include "snapshot/output_lock.hpp"
#include "snapshot/roll.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::string data_file(const std::string& name) {
    // Absolute, because tests make links to it.
    return fs::absolute(std::string(IOSWARM_TEST_DATA) + "/" + name).string();
}

/// Every file of a folder, with its content.
std::map<std::string, std::string> content_of(const test::TempDir& dir) {
    std::map<std::string, std::string> out;
    for (const auto& file : fs::directory_iterator(dir.path()))
        if (file.is_regular_file()) out[file.path().filename()] = dir.read(file.path().filename().string());
    return out;
}

Result<ExportReport> export_from(const test::TempDir& dir, const std::string& source) {
    ExportOptions options;
    options.source = source;
    options.output = dir.path("x.gz");
    options.lock_timeout = 0ms;
    options.threads = 1;
    return export_snapshot(options, {}, {});
}

Result<RollReport> roll_from(const test::TempDir& dir, const std::string& base, const std::string& diffs) {
    RollOptions options;
    options.base = base;
    options.diffs = diffs;
    options.output = dir.path("x.gz");
    options.threads = 1;
    auto log = open_diffs(diffs, 0ms);
    if (!log) return fail(log.error());
    return roll_snapshot(options, **log, {}, {});
}

const char* const kClaimed[] = {"x.gz", "x.gz.sha256", "snapshot-meta.json", ".x.gz.part", ".x.gz.sha256.part",
                                ".snapshot-meta.json.x.gz.part", ".x.gz.lock",
                                // the temporary files of the immutable companions and of the link
                                ".x.gz.sha256.immutable.part", ".x.gz.json.immutable.part", ".x.gz.link.part",
                                // older snapshots, which --keep may delete
                                "x-7-0123abcd.gz", "x-7-0123abcd.gz.sha256", "x-7-0123abcd.gz.json"};

}  // namespace

TEST_CASE("a roll is not written under a name that SQLite uses beside the log, even if there is no such file") {
    const test::TempDir dir;
    const std::string log = dir.write("log.db", "");
    for (const char* part : {"-wal", "-shm"}) {
        const auto refused = check_output_place(log + part, {{"--diffs", log}, {"--diffs", log + part}});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::usage);
        CHECK_THAT(refused.error().why, Contains("would be overwritten"));
    }
    CHECK(check_output_place(dir.path("x.gz"), {{"--diffs", log}, {"--diffs", log + "-wal"}}));
}

TEST_CASE("a source with a name that its export would write is refused and not changed") {
    for (const std::string name : kClaimed) {
        INFO(name);
        const test::TempDir dir;
        SECTION(name + ", the file itself") {
            fs::copy_file(data_file("bolt/trie.db"), dir.path(name));
            const auto before = content_of(dir);
            const auto refused = export_from(dir, dir.path(name));
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code == ErrorCode::usage);
            CHECK_THAT(refused.error().text(), Contains("--source") && Contains(name));
            CHECK(content_of(dir) == before);
        }
        SECTION(name + ", a hard link") {
            fs::copy_file(data_file("bolt/trie.db"), dir.path("trie.db"));
            fs::create_hard_link(dir.path("trie.db"), dir.path(name));
            const auto before = content_of(dir);
            CHECK(export_from(dir, dir.path("trie.db")).error().code == ErrorCode::usage);
            CHECK(content_of(dir) == before);
        }
        SECTION(name + ", a symbolic link to it") {
            fs::copy_file(data_file("bolt/trie.db"), dir.path("trie.db"));
            fs::create_symlink(dir.path("trie.db"), dir.path(name));
            CHECK(export_from(dir, dir.path("trie.db")).error().code == ErrorCode::usage);
            CHECK(fs::is_symlink(dir.path(name)));
        }
        SECTION(name + ", a symbolic link given as the source") {
            fs::create_symlink(data_file("bolt/trie.db"), dir.path(name));
            CHECK(export_from(dir, dir.path(name)).error().code == ErrorCode::usage);
            CHECK(fs::is_symlink(dir.path(name)));
        }
    }
}

TEST_CASE("a roll may replace its base with its output, but no other file of its base or diffs") {
    const std::string base = data_file("node/chain-boltdb/base.snap.gz");
    const std::string diffs = data_file("node/chain-boltdb/statediffs.db");
    for (const std::string name : kClaimed) {
        INFO(name);
        const test::TempDir dir;
        SECTION(name + " as the base") {
            fs::copy_file(base, dir.path(name));
            const auto before = content_of(dir);
            const auto report = roll_from(dir, dir.path(name), diffs);
            // An older snapshot of the output may be the base: it is what the output is a link to.
            if (name == "x.gz" || name.starts_with("x-7-")) {
                CHECK(report);
                continue;
            }
            REQUIRE_FALSE(report);
            CHECK(report.error().code == ErrorCode::usage);
            CHECK_THAT(report.error().text(), Contains("--base"));
            CHECK(content_of(dir) == before);
        }
        SECTION(name + " as the diffs") {
            fs::copy_file(diffs, dir.path(name));
            const auto before = content_of(dir);
            const auto report = roll_from(dir, base, dir.path(name));
            REQUIRE_FALSE(report);
            CHECK(report.error().code == ErrorCode::usage);
            CHECK_THAT(report.error().text(), Contains("--diffs"));
            CHECK(content_of(dir) == before);
        }
    }
}

TEST_CASE("the files that SQLite keeps next to a log count as part of the log") {
    const test::TempDir dir;
    dir.write("statediffs.db", "");
    dir.write("statediffs.db-wal", "");
    fs::create_symlink(dir.path("statediffs.db"), dir.path("link.db"));
    RollOptions options;
    options.base = data_file("node/chain-boltdb/base.snap.gz");
    auto log = open_diffs(data_file("node/chain-boltdb/statediffs.db"), 0ms);
    REQUIRE(log);
    options.output = dir.path("statediffs.db-wal");
    for (const std::string diffs : {"statediffs.db", "link.db"}) {
        options.diffs = dir.path(diffs);
        CHECK(roll_snapshot(options, **log, {}, {}).error().code == ErrorCode::usage);
    }
    CHECK(dir.read("statediffs.db-wal").empty());
}

TEST_CASE("a published file that cannot be replaced is noticed before the export, and all files stay") {
    for (const std::string name : {"x.gz", "x.gz.sha256", "snapshot-meta.json"}) {
        INFO(name);
        const test::TempDir dir;
        for (const std::string other : {"x.gz", "x.gz.sha256", "snapshot-meta.json"})
            if (other != name) dir.write(other, "yesterday's");
        fs::create_directory(dir.path(name));
        dir.write(name + "/file", "");
        const auto before = content_of(dir);
        const auto refused = export_from(dir, data_file("bolt/trie.db"));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::usage);
        CHECK_THAT(refused.error().text(), Contains(name) && Contains("directory"));
        CHECK(content_of(dir) == before);
    }
}

TEST_CASE("a symbolic link is replaced only if an export made it") {
    const test::TempDir dir;
    fs::create_directory(dir.path("elsewhere"));
    dir.write("elsewhere/old.gz", "on another disk");
    dir.write("y-7-0123abcd.gz", "another output's");
    const auto refuses = [&](const std::string& name, const std::string& target) {
        INFO(name << " is a link to " << target);
        fs::create_symlink(target, dir.path(name));
        const auto refused = export_from(dir, data_file("bolt/trie.db"));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::usage);
        CHECK_THAT(refused.error().text(), Contains(dir.path(name)) && Contains("link to " + target));
        CHECK(fs::read_symlink(dir.path(name)) == target);
        fs::remove(dir.path(name));
    };
    for (const std::string target :
         {"elsewhere/old.gz", "/proc/self/fd/1", "nowhere", "y-7-0123abcd.gz", "elsewhere/x-7-0123abcd.gz"})
        refuses("x.gz", target);
    // The companions are never links.
    refuses("x.gz.sha256", "elsewhere/old.gz");
    refuses("snapshot-meta.json", "elsewhere/old.gz");
    CHECK(dir.read("elsewhere/old.gz") == "on another disk");

    // The snapshot that the link leads to may have been deleted by hand.
    fs::create_symlink("x-7-0123abcd.gz", dir.path("x.gz"));
    REQUIRE(export_from(dir, data_file("bolt/trie.db")));
    REQUIRE(export_from(dir, data_file("bolt/trie.db")));
}

TEST_CASE("a link with the immutable name of the new snapshot stays") {
    const test::TempDir dir;
    const auto first = export_from(dir, data_file("bolt/trie.db"));
    REQUIRE(first);
    fs::create_directory(dir.path("elsewhere"));
    const std::string name = fs::path(first->immutable).filename();
    fs::rename(dir.path(name), dir.path("elsewhere/" + name));
    fs::create_symlink("elsewhere/" + name, dir.path(name));
    const auto refused = export_from(dir, data_file("bolt/trie.db"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::usage);
    CHECK(fs::is_symlink(dir.path(name)));
}

TEST_CASE("another user's companion file in a sticky folder is noticed before the export") {
    if (::geteuid() != 0) return;  // only root can make such a folder
    const test::TempDir dir;
    fs::copy_file(data_file("bolt/trie.db"), dir.path("trie.db"));
    REQUIRE(::chmod(dir.path("trie.db").c_str(), 0644) == 0);
    dir.write("snapshot-meta.json", "another user's");
    REQUIRE(::chmod(dir.path("").c_str(), 01777) == 0);
    const auto before = content_of(dir);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setuid(65534) != 0) ::_exit(2);
        const auto refused = export_from(dir, dir.path("trie.db"));
        ::_exit(!refused && refused.error().code == ErrorCode::permission_denied ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(content_of(dir) == before);
}

TEST_CASE("an output directory that this user may not write to is named as such") {
    if (::geteuid() != 0) return;  // only root can become another user
    const test::TempDir dir;
    REQUIRE(::chmod(dir.path("").c_str(), 0555) == 0);
    // The child ends with the number of the first expectation that does not hold.
    const auto check = [&](const std::string& output, const std::string& named) {
        if (::chdir(dir.path("").c_str()) != 0 || ::setuid(65534) != 0) return 1;
        const auto refused = OutputLock::take(output);
        if (refused || refused.error().code != ErrorCode::permission_denied) return 2;
        if (refused.error().text().find("output directory " + named + " is not writable") == std::string::npos)
            return 3;
        return 0;
    };
    const std::string folder = fs::path(dir.path("x.gz")).parent_path().string();
    for (const auto& [output, named] :
         std::vector<std::pair<std::string, std::string>>{{dir.path("x.gz"), folder}, {"x.gz", "."}}) {
        CAPTURE(output);
        const pid_t child = ::fork();
        if (child == 0) ::_exit(check(output, named));
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(WEXITSTATUS(status) == 0);
    }
}

TEST_CASE("a companion file that becomes a directory during the export leaves all files as they were") {
    const test::TempDir dir;
    dir.write("x.gz", "yesterday's");
    ExportOptions options;
    options.source = data_file("bolt/trie.db");
    options.output = dir.path("x.gz");
    options.lock_timeout = 0ms;
    const ExportObserver observer = [&](const ExportProgress& at) {
        if (at.phase == ExportProgress::Phase::verifying) fs::create_directory(dir.path("x.gz.sha256"));
    };
    REQUIRE_FALSE(export_snapshot(options, observer, {}));
    CHECK(dir.read("x.gz") == "yesterday's");
}
