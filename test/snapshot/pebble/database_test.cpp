// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/database.hpp"
#include "snapshot/open_state.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "core/crypto/sha256.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// Contains the digest that the manifests have: SHA-256 over be32(len k) ‖ k ‖ be32(len v) ‖ v in stored order.
struct Digest {
    std::uint64_t entries = 0;
    std::uint64_t key_bytes = 0;
    std::uint64_t value_bytes = 0;
    std::string sha256;
    bool operator==(const Digest&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Digest& d) {
    return out << d.entries << " entries, keys " << d.key_bytes << ", values " << d.value_bytes << ", "
               << d.sha256;
}

Digest manifest_digest(const nlohmann::json& json) {
    return {json["Entries"], json["KeyBytes"], json["ValueBytes"], json["Sha256"]};
}

Result<Digest> digest_of(NamespaceCursor& cursor) {
    Digest digest;
    Sha256 hash;
    const auto sized = [&](BytesView bytes) {
        const auto n = static_cast<std::uint32_t>(bytes.size());
        hash.update(Bytes{static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16),
                          static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)});
        hash.update(bytes);
    };
    for (EntryView entry; cursor.next(entry);) {
        ++digest.entries;
        digest.key_bytes += entry.key.size();
        digest.value_bytes += entry.value.size();
        sized(entry.key);
        sized(entry.value);
    }
    if (!cursor.status()) return fail(cursor.status().error());
    digest.sha256 = to_hex(hash.finish().view());
    return digest;
}

Result<Digest> read_total(const std::string& path) {
    auto database = open_pebble(path, {0ms, false});
    if (!database) return fail(database.error());
    auto cursor = open_pebble_whole(**database);
    if (!cursor) return fail(cursor.error());
    return digest_of(**cursor);
}

}  // namespace

TEST_CASE("directories written by Pebble have the content of their manifests, whole and by namespace") {
    std::size_t seen = 0;
    for (const auto& file : fs::directory_iterator(test::data_path("pebble/"))) {
        if (file.path().extension() != ".json") continue;
        const std::string name = file.path().stem().string();
        INFO(name);
        ++seen;
        const auto manifest = nlohmann::json::parse(test::read_data("pebble/" + name + ".json"));
        const auto total = read_total(test::data_path("pebble/" + name));
        if (!total) FAIL_CHECK(total.error().text());
        if (!total) continue;
        CHECK(*total == manifest_digest(manifest["Total"]));
        auto database = open_pebble(test::data_path("pebble/" + name), {0ms, false});
        REQUIRE(database);
        for (const auto& [ns, wanted] : manifest["Namespaces"].items()) {
            INFO(ns);
            auto cursor = (*database)->open_namespace(ns);
            if (!cursor) continue;  // a prefix whose name the maker of the manifest did not know
            const auto digest = digest_of(**cursor);
            REQUIRE(digest);
            CHECK(*digest == manifest_digest(wanted));
        }
    }
    CHECK(seen == 43);
}

TEST_CASE("damaged, hostile and foreign directories give the kind of error that the specification names") {
    const auto manifest = nlohmann::json::parse(test::read_data("pebble/bad/manifest.json"));
    for (const auto& [name, wanted] : manifest["Directories"].items()) {
        INFO(name << ": " << wanted["Why"].get<std::string>());
        const auto total = read_total(test::data_path("pebble/bad/" + name));
        const std::string got = total ? "ok" : total.error().what;
        if (!total) INFO(total.error().text());
        CHECK(got == wanted["Expect"].get<std::string>());
        if (total && wanted["Expect"] == "ok") CHECK(*total == manifest_digest(wanted["Total"]));
        if (!total) CHECK_FALSE(total.error().hint.empty());
    }
}

TEST_CASE("an index that lost a block is noticed even when only one namespace is read") {
    auto database = open_pebble(test::data_path("pebble/bad/index-skips-block"), {0ms, false});
    REQUIRE(database);
    auto cursor = (*database)->open_namespace("Account");
    const auto read = cursor ? digest_of(**cursor) : Result<Digest>(fail(cursor.error()));
    REQUIRE_FALSE(read);
    CHECK(read.error().what == "table-corrupt");
}

TEST_CASE("a directory with more tables than the soft limit on open files can be opened") {
    const pid_t child = ::fork();
    if (child == 0) {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = 16;  // the directory has 39 tables
        ::setrlimit(RLIMIT_NOFILE, &limit);
        ::_exit(open_pebble(test::data_path("pebble/levels-many"), {0ms, false}) ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("a running node's lock is waited for and then refused with the node's process") {
    const test::TempDir dir;
    fs::copy(test::data_path("pebble/flushed"), dir.path("trie.db"), fs::copy_options::recursive);
    // This needs another process, because POSIX record locks do not conflict within one process.
    int ready[2];
    int done[2];
    REQUIRE(::pipe(ready) == 0);
    REQUIRE(::pipe(done) == 0);
    const pid_t node = ::fork();
    if (node == 0) {
        const int fd = ::open((dir.path("trie.db") + "/LOCK").c_str(), O_RDWR);
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        const bool locked = ::fcntl(fd, F_SETLK, &lock) == 0;
        [[maybe_unused]] auto told = ::write(ready[1], locked ? "y" : "n", 1);
        char byte = 0;
        ::close(done[1]);
        told = ::read(done[0], &byte, 1);
        ::_exit(0);
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    REQUIRE(byte == 'y');
    const auto refused = open_pebble(dir.path("trie.db"), {1ms, false});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what == "locked");
    CHECK(refused.error().code == ErrorCode::try_again);
    CHECK(refused.error().why.find(std::to_string(node)) != std::string::npos);
    // In live mode it can be read all the same.
    auto live = open_pebble(dir.path("trie.db"), {1000ms, true});
    REQUIRE(live);
    auto cursor = open_pebble_whole(**live);
    CHECK(*digest_of(**cursor) == *read_total(test::data_path("pebble/flushed")));
    ::close(done[1]);
    ::waitpid(node, nullptr, 0);
    CHECK(open_pebble(dir.path("trie.db"), {0ms, false}));
}

TEST_CASE("nothing is written to the directory, and it need not be writable") {
    const test::TempDir dir;
    fs::copy(test::data_path("pebble/levels-default"), dir.path("trie.db"), fs::copy_options::recursive);
    std::map<std::string, fs::file_time_type> before;
    for (const auto& file : fs::directory_iterator(dir.path("trie.db")))
        before[file.path()] = file.last_write_time();
    REQUIRE(read_total(dir.path("trie.db")));
    std::map<std::string, fs::file_time_type> after;
    for (const auto& file : fs::directory_iterator(dir.path("trie.db")))
        after[file.path()] = file.last_write_time();
    CHECK(before == after);
}

TEST_CASE("the height of a real node's directory is read from its log") {
    auto database =
        open_state(std::string(IOSWARM_TEST_DATA) + "/node/chain-pebble/base-trie.db", {0ms, false});
    REQUIRE(database);
    CHECK((*database)->kind() == "pebbledb");
    CHECK(read_height(**database)->height == 11);
}

TEST_CASE("traces of a crash or a bad copy give a warning, and nothing else does") {
    const auto warnings_of = [](const std::string& path, bool live = false) {
        auto database = open_pebble(path, {0ms, live});
        REQUIRE(database);
        return (*database)->warnings();
    };
    const std::string torn = "log ends in a torn record";
    const std::map<std::string, std::string> wanted{
        {"killed-in-record", torn},      {"torn-between-chunks", torn}, {"torn-header", torn},
        {"torn-payload", torn},          {"torn-zeros", torn},          {"zero-tail", torn},
        {"recycled-wal-open", torn},  // the rest of the file's older use looks the same
        {"killed-in-edit", "MANIFEST-"},
    };
    for (const auto& file : fs::directory_iterator(test::data_path("pebble/"))) {
        const std::string name = file.path().stem().string();
        if (file.path().extension() != ".json") continue;
        const auto warnings = warnings_of(test::data_path("pebble/" + name));
        INFO(name << ": " << (warnings.empty() ? "" : warnings.front()));
        const auto at = wanted.find(name);
        CHECK(warnings.size() == (at == wanted.end() ? 0 : 1));
        if (at == wanted.end() || warnings.empty()) continue;
        CHECK_THAT(warnings.front(), Catch::Contains(at->second));
        CHECK_THAT(warnings.front(), !Catch::Contains("/"));
    }
    // The last log of a running node may end at any byte.
    CHECK(warnings_of(test::data_path("pebble/torn-payload"), true).empty());
}

TEST_CASE("a copy without its logs gives a warning, which says so when nothing is left of the state") {
    const auto copy_without_logs = [](const test::TempDir& dir, const std::string& name) {
        fs::copy(test::data_path("pebble/" + name), dir.path(name), fs::copy_options::recursive);
        for (const auto& file : fs::directory_iterator(dir.path(name)))
            if (file.path().extension() == ".log") fs::remove(file.path());
        return dir.path(name);
    };
    const test::TempDir dir;
    auto database = open_pebble(copy_without_logs(dir, "killed-with-three-logs"), {0ms, false});
    REQUIRE(database);
    REQUIRE((*database)->warnings().size() == 1);
    CHECK_THAT((*database)->warnings().front(), Catch::Contains("left the logs out"));
}
