// SPDX-License-Identifier: Apache-2.0
#include "snapshot/bolt/database.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;

namespace {

struct Digest {
    std::uint64_t entries = 0;
    std::uint64_t key_bytes = 0;
    std::uint64_t value_bytes = 0;
    std::string sha256;
    bool operator==(const Digest&) const = default;
};

/// Computes the digest that the manifests have: SHA-256 over be32(len k) ‖ k ‖ be32(len v) ‖ v in key order.
Result<Digest> digest_of(StateDatabase& database, const std::string& name) {
    auto cursor = database.open_namespace(name);
    if (!cursor) return fail(cursor.error());
    Digest digest;
    Sha256 hash;
    const auto sized = [&](BytesView bytes) {
        const auto n = static_cast<std::uint32_t>(bytes.size());
        hash.update(Bytes{static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16),
                          static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)});
        hash.update(bytes);
    };
    for (EntryView entry; (*cursor)->next(entry);) {
        ++digest.entries;
        digest.key_bytes += entry.key.size();
        digest.value_bytes += entry.value.size();
        sized(entry.key);
        sized(entry.value);
    }
    if (!(*cursor)->status()) return fail((*cursor)->status().error());
    digest.sha256 = to_hex(hash.finish().view());
    return digest;
}

Result<std::map<std::string, Digest>> read_all(const std::string& path) {
    auto database = open_bolt(path, 0ms);
    if (!database) return fail(database.error());
    auto names = (*database)->namespaces();
    if (!names) return fail(names.error());
    std::map<std::string, Digest> all;
    for (const std::string& name : *names) {
        auto digest = digest_of(**database, name);
        if (!digest) return fail(digest.error());
        all[name] = *digest;
    }
    return all;
}

std::map<std::string, Digest> manifest(const std::string& name) {
    std::map<std::string, Digest> out;
    const auto json = nlohmann::json::parse(test::read_data("bolt/" + name));
    for (const auto& [key, value] : json.items()) {
        out[key] = {value["Entries"], value["KeyBytes"], value["ValueBytes"], value["Sha256"]};
    }
    return out;
}

}  // namespace

TEST_CASE("in files made by bbolt 1.3.6 every bucket has the content of its manifest") {
    for (const std::string name : {"trie.db", "trie-page16k.db", "trie-height-be.db", "trie-no-height.db"}) {
        INFO(name);
        const auto all = read_all(test::data_path("bolt/" + name));
        REQUIRE(all);
        CHECK(*all == manifest(name + ".manifest.json"));
    }
}

TEST_CASE("the height is little-endian, or big-endian from older tools, and a missing one is an error") {
    auto little = open_bolt(test::data_path("bolt/trie.db"), 0ms);
    REQUIRE(little);
    CHECK(read_height(**little)->height == 46006460);
    CHECK_FALSE(read_height(**little)->big_endian);
    auto big = open_bolt(test::data_path("bolt/trie-height-be.db"), 0ms);
    REQUIRE(big);
    CHECK(read_height(**big)->big_endian);
    auto none = open_bolt(test::data_path("bolt/trie-no-height.db"), 0ms);
    REQUIRE(none);
    CHECK(read_height(**none).error().code == ErrorCode::bad_data);
}

TEST_CASE("a file from before namespaces is refused with that reason") {
    const auto database = open_bolt(test::data_path("bolt/trie-legacy-mpt.db"), 0ms);
    REQUIRE_FALSE(database);
    CHECK(database.error().why.find("before namespaces") != std::string::npos);
    CHECK(database.error().hint.find("start the node") != std::string::npos);
}

TEST_CASE("torn and hostile files give a clear error, and those named ok the right content") {
    for (const auto& file : std::filesystem::directory_iterator(test::data_path("bolt/bad"))) {
        const std::string name = file.path().filename().string();
        INFO(name);
        const auto all = read_all(file.path().string());
        if (name.starts_with("ok-") || name.starts_with("newest-meta-torn")) {
            REQUIRE(all);
            CHECK_FALSE(all->empty());
            continue;
        }
        REQUIRE_FALSE(all);
        CHECK(all.error().code == ErrorCode::bad_data);
        CHECK(all.error().which == file.path().string());
        CHECK_FALSE(all.error().why.empty());
    }
}

TEST_CASE("a file that a node locks is waited for and then refused with the node's process") {
    const test::TempDir dir;
    std::filesystem::copy_file(test::data_path("bolt/trie.db"), dir.path("trie.db"));
    const int holder = ::open(dir.path("trie.db").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(holder, LOCK_EX) == 0);
    const auto refused = open_bolt(dir.path("trie.db"), 1ms);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::try_again);
    CHECK(refused.error().why.find(std::to_string(::getpid())) != std::string::npos);
    ::close(holder);
    CHECK(open_bolt(dir.path("trie.db"), 0ms));
}

TEST_CASE("the lock is released after the last byte was read, or with the object") {
    const test::TempDir dir;
    std::filesystem::copy_file(test::data_path("bolt/trie.db"), dir.path("trie.db"));
    const int node = ::open(dir.path("trie.db").c_str(), O_RDWR | O_CLOEXEC);
    {
        const auto database = open_bolt(dir.path("trie.db"), 0ms);
        REQUIRE(database);
        CHECK(::flock(node, LOCK_EX | LOCK_NB) != 0);
        REQUIRE((*database)->release_lock());
        CHECK(::flock(node, LOCK_EX | LOCK_NB) == 0);
        ::flock(node, LOCK_UN);
    }
    {
        const auto database = open_bolt(dir.path("trie.db"), 0ms);
        REQUIRE(database);
    }
    CHECK(::flock(node, LOCK_EX | LOCK_NB) == 0);
    ::close(node);
}

TEST_CASE("a file that is truncated while it is read gives an error, not a signal") {
    const test::TempDir dir;
    const std::string path = dir.path("trie.db");
    std::filesystem::copy_file(test::data_path("bolt/trie.db"), path);
    auto database = open_bolt(path, 0ms);
    REQUIRE(database);
    std::filesystem::resize_file(path, 5 * 4096);
    const auto digest = digest_of(**database, "Contract");
    REQUIRE_FALSE(digest);
    CHECK(digest.error().code == ErrorCode::bad_data);
}
