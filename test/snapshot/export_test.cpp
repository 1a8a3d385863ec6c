// SPDX-License-Identifier: Apache-2.0
#include "snapshot/export.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "snapshot/output_lock.hpp"
#include "snapshot/publication.hpp"
#include "test/snapshot/published_files.hpp"
#include "test/snapshot/snapshot_facts.hpp"
#include "test/support/sha256_hex.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

ExportOptions options_for(const test::TempDir& dir,
                          const std::string& source = test::data_path("bolt/trie.db")) {
    ExportOptions options;
    options.source = source;
    options.output = dir.path("acctcode.snap.gz");
    options.lock_timeout = 0ms;
    return options;
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& file : fs::directory_iterator(folder))
        names.push_back(file.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

TEST_CASE("an export of bolt/trie.db equals the Go exporter's snapshots entry for entry") {
    const test::TempDir dir;
    ExportOptions options = options_for(dir);
    REQUIRE(export_snapshot(options, {}, {}));
    CHECK(*test::read_snapshot(options.output) ==
          *test::read_snapshot(test::data_path("snapshots/full.snap.gz")));
    options.namespaces = {"Account", "Code"};
    REQUIRE(export_snapshot(options, {}, {}));
    CHECK(*test::read_snapshot(options.output) ==
          *test::read_snapshot(test::data_path("snapshots/acctcode.snap.gz")));
}

TEST_CASE("an export of a real node's state equals the reference exporter's") {
    for (const std::string chain : {"chain-boltdb", "chain-pebble"}) {
        for (const std::string which : {"base", "final"}) {
            INFO(chain << " " << which);
            const test::TempDir dir;
            const ExportOptions options =
                options_for(dir, test::data_path("node/" + chain + "/" + which + "-trie.db"));
            REQUIRE(export_snapshot(options, {}, {}));
            CHECK(*test::read_snapshot(options.output) ==
                  *test::read_snapshot(test::data_path("node/" + chain + "/" + which + ".snap.gz")));
        }
    }
}

TEST_CASE("the companion files have height, sizes, counts and digests, and sha256sum confirms them") {
    const test::TempDir dir;
    const auto report = export_snapshot(options_for(dir), {}, {});
    REQUIRE(report);
    const auto file = read_file(dir.path("acctcode.snap.gz"), 1U << 24);
    REQUIRE(file);
    const std::string sum = test::sha256_hex(*file);
    CHECK(read_file(dir.path("acctcode.snap.gz.sha256"), 1000) == sum + "  acctcode.snap.gz\n");
    const auto meta = nlohmann::json::parse(*read_file(dir.path("snapshot-meta.json"), 10000));
    CHECK(meta["height"] == 46006460);
    CHECK(meta["bytes"] == file->size());
    CHECK(meta["sha256"] == sum);
    CHECK(meta["entries"] == 1820 + 40 + 2728);
    CHECK(meta["namespaces"]["Account"]["entries"] == 1820);
    const std::string immutable = test::link_target(dir.path("acctcode.snap.gz"));
    CHECK(names_in(dir.path("")) == std::vector<std::string>{".acctcode.snap.gz.lock", immutable,
                                                             immutable + ".json", immutable + ".sha256",
                                                             "acctcode.snap.gz", "acctcode.snap.gz.sha256",
                                                             "snapshot-meta.json"});
}

TEST_CASE("a missing namespace is an error, unless leaving it out is allowed") {
    const test::TempDir dir;
    ExportOptions options = options_for(dir);
    options.namespaces = {"Account", "Nowhere", "Code"};
    const auto refused = export_snapshot(options, {}, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::bad_data);
    CHECK(refused.error().which == "Nowhere");
    CHECK_FALSE(fs::exists(options.output));
    options.allow_missing = true;
    const auto report = export_snapshot(options, {}, {});
    REQUIRE(report);
    CHECK(report->missing == std::vector<std::string>{"Nowhere"});
    // A roll then knows that the namespace was empty, and was not left out on purpose.
    const auto meta = nlohmann::json::parse(dir.read("snapshot-meta.json"));
    CHECK(meta["namespaces"]["Nowhere"]["entries"] == 0);
}

TEST_CASE("an export that ends early keeps the old file and leaves no partial one") {
    const test::TempDir dir;
    ExportOptions options = options_for(dir);
    REQUIRE(write_file_atomically(options.output, as_bytes("yesterday's")));
    std::stop_source stopped;
    stopped.request_stop();
    SECTION("by a signal") {
        CHECK(export_snapshot(options, {}, stopped.get_token()).error().code == ErrorCode::cancelled);
    }
    SECTION("by the time limit") {
        options.timeout = 1ms;
        const ExportObserver slow = [](const ExportProgress&) {
            const auto until = std::chrono::steady_clock::now() + 2ms;
            while (std::chrono::steady_clock::now() < until) {
            }
        };
        CHECK(export_snapshot(options, slow, {}).error().code == ErrorCode::timed_out);
    }
    SECTION("by a corrupt source") {
        options.source = test::data_path("bolt/bad/branch-child-out-of-range.db");
        options.allow_missing = true;
        CHECK(export_snapshot(options, {}, {}).error().code == ErrorCode::bad_data);
    }
    SECTION("by a full disk") {
        const pid_t child = ::fork();
        if (child == 0) {
            // With SIGXFSZ ignored, a write past the limit fails with EFBIG, as a full disk fails with ENOSPC.
            std::signal(SIGXFSZ, SIG_IGN);
            const rlimit limit{100'000, 100'000};
            ::setrlimit(RLIMIT_FSIZE, &limit);
            const auto result = export_snapshot(options, {}, {});
            ::_exit(!result && result.error().code == ErrorCode::io ? 0 : 1);
        }
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    CHECK(read_file(options.output, 100) == "yesterday's");
    CHECK(names_in(dir.path("")) == std::vector<std::string>{".acctcode.snap.gz.lock", "acctcode.snap.gz"});
}

TEST_CASE("a second export to the same output gets try_again") {
    const test::TempDir dir;
    const auto lock = OutputLock::take(dir.path("acctcode.snap.gz"));
    REQUIRE(lock);
    const auto second = export_snapshot(options_for(dir), {}, {});
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::try_again);
}

TEST_CASE("a lock file left by another user's export does not block the next export") {
    const test::TempDir dir;
    REQUIRE(::chmod(dir.path("").c_str(), 0777) == 0);
    REQUIRE(write_file_atomically(dir.path(".a.gz.lock"), {}, 0444));
    const pid_t child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
        ::_exit(OutputLock::take(dir.path("a.gz")) ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("a BoltDB file that is changed while it is read gives no snapshot") {
    const test::TempDir dir;
    fs::copy_file(test::data_path("bolt/trie.db"), dir.path("trie.db"));
    const ExportOptions options = options_for(dir, dir.path("trie.db"));
    const ExportObserver writer = [&](const ExportProgress& at) {
        if (at.phase != ExportProgress::Phase::reading || at.name != "Code") return;
        // Imitate a commit: both meta pages get the next transaction number (byte 48 of a meta page) and a new
        // checksum (byte 56).
        const int fd = ::open(options.source.c_str(), O_RDWR | O_CLOEXEC);
        for (const off_t page : {0, 4096}) {
            std::array<std::uint8_t, 64> meta{};
            REQUIRE(::pread(fd, meta.data(), meta.size(), page + 16) == 64);
            ++meta[49];
            std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
            for (std::size_t i = 0; i < 56; ++i)
                hash = (hash ^ meta[i]) * 0x100000001b3;
            for (std::size_t i = 0; i < 8; ++i)
                meta[56 + i] = static_cast<std::uint8_t>(hash >> (8 * i));
            REQUIRE(::pwrite(fd, meta.data(), meta.size(), page + 16) == 64);
        }
        ::close(fd);
    };
    REQUIRE(export_snapshot(options, {}, {}));
    const auto refused = export_snapshot(options, writer, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::bad_data);
    CHECK(refused.error().what == "the BoltDB file was changed while it was read");
}

TEST_CASE("the time limit of the job includes the wait for a lock") {
    const test::TempDir dir;
    fs::copy_file(test::data_path("bolt/trie.db"), dir.path("trie.db"));
    const int node = ::open(dir.path("trie.db").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(node, LOCK_EX) == 0);
    ExportOptions options = options_for(dir, dir.path("trie.db"));
    options.lock_timeout = 24h;
    options.timeout = 1ms;
    const auto refused = export_snapshot(options, {}, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::try_again);
    ::close(node);
}

TEST_CASE("an impossible output is refused before the work, and nothing is left there") {
    const test::TempDir dir;
    fs::copy(test::data_path("node/chain-pebble/final-trie.db"), dir.path("trie.db"),
             fs::copy_options::recursive);
    fs::copy_file(test::data_path("bolt/trie.db"), dir.path("bolt.db"));
    fs::create_directory(dir.path("folder"));
    ::mkfifo(dir.path("pipe").c_str(), 0600);
    const auto names = names_in(dir.path(""));
    const auto state = names_in(dir.path("trie.db"));
    ExportOptions options = options_for(dir, dir.path("trie.db"));
    for (const std::string& wrong :
         {std::string(), dir.path("folder"), dir.path("folder/"), dir.path("pipe"), dir.path("trie.db/a.gz"),
          dir.path("folder/../trie.db/./a.gz"), dir.path("snapshot-meta.json")}) {
        INFO(wrong);
        options.output = wrong;
        const auto refused = export_snapshot(options, {}, {});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::usage);
    }
    options.source = dir.path("bolt.db");
    options.output = dir.path("./bolt.db");
    const auto refused = export_snapshot(options, {}, {});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().why, Catch::Contains("would be overwritten"));
    CHECK(names_in(dir.path("")) == names);
    CHECK(names_in(dir.path("trie.db")) == state);
    CHECK(fs::is_empty(dir.path("folder")));
}

TEST_CASE("snapshots of two names can be published into one folder together, and the last one is described") {
    const test::TempDir dir;
    ExportReport report;
    report.height = 1;
    auto first = Publication::prepare(dir.path("a.gz"), report);
    report.height = 2;
    auto second = Publication::prepare(dir.path("b.gz"), report);
    REQUIRE(first);
    REQUIRE(second);
    auto first_file = AtomicFile::create(dir.path("a.gz"));
    auto second_file = AtomicFile::create(dir.path("b.gz"));
    REQUIRE(first_file);
    REQUIRE(second_file);
    const auto height = [&] {
        return nlohmann::json::parse(*read_file(dir.path("snapshot-meta.json"), 4096))["height"];
    };
    const auto lock = FolderLock::take(dir.path(), std::chrono::milliseconds(0));
    REQUIRE(lock);
    REQUIRE(first->commit(*first_file, *lock));
    CHECK(height() == 1);
    REQUIRE(second->commit(*second_file, *lock));
    CHECK(height() == 2);
    const std::string a = "a-1-00000000.gz";
    const std::string b = "b-2-00000000.gz";
    CHECK(names_in(dir.path("")) == std::vector<std::string>{a, a + ".json", a + ".sha256", "a.gz",
                                                             "a.gz.sha256", b, b + ".json", b + ".sha256",
                                                             "b.gz", "b.gz.sha256", "snapshot-meta.json"});
}

TEST_CASE("a file name that is not UTF-8 works like any other") {
    const test::TempDir dir;
    ExportOptions options = options_for(dir);
    options.output = dir.path("\xff.snap.gz");
    REQUIRE(export_snapshot(options, {}, {}));
    CHECK(fs::exists(options.output));
}

TEST_CASE("the database's lock is released on every way out of an export [defect-28]", "[defect-28]") {
    const test::TempDir dir;
    fs::copy_file(test::data_path("bolt/trie.db"), dir.path("trie.db"));
    const int node = ::open(dir.path("trie.db").c_str(), O_RDWR | O_CLOEXEC);
    ExportOptions options = options_for(dir, dir.path("trie.db"));
    std::stop_source stopped;
    stopped.request_stop();
    REQUIRE_FALSE(export_snapshot(options, {}, stopped.get_token()));
    CHECK(::flock(node, LOCK_EX | LOCK_NB) == 0);
    ::flock(node, LOCK_UN);

    // The export is killed while it holds the lock. The kernel releases the lock.
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const ExportObserver stuck = [&](const ExportProgress&) {
            [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
            ::pause();
        };
        (void)export_snapshot(options, stuck, {});
        ::_exit(0);
    }
    ::close(ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(fs::exists(dir.path(".acctcode.snap.gz.part")));
    CHECK(::flock(node, LOCK_EX | LOCK_NB) == 0);
    ::close(node);
    ::close(ready[0]);

    // The next export takes over the file that the killed one left.
    REQUIRE(export_snapshot(options_for(dir), {}, {}));
    CHECK_FALSE(fs::exists(dir.path(".acctcode.snap.gz.part")));
}
