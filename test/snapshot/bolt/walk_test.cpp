// SPDX-License-Identifier: Apache-2.0
// A tree of several windows. A separate thread reads them ahead of the reader.
#include <unistd.h>

#include <fcntl.h>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "snapshot/bolt/database.hpp"
#include "test/support/bolt_writer.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint32_t kPageSize = 1024;
constexpr int kEntries = 45'000;  // two per page: five windows of 4,096 leaves

Bytes value_of(int index) {
    return Bytes(400, static_cast<std::uint8_t>(index * 7));
}

void make(const std::string& path) {
    test::BoltWriter writer(path, {.page_size = kPageSize, .scatter = 3000});
    auto root = writer.tree();
    auto bucket = writer.tree();
    for (int i = 0; i < kEntries; ++i)
        bucket.add(fmt::format("key {:08}", i), value_of(i));
    root.add_bucket("Contract", bucket);
    writer.commit(root);
}

std::unique_ptr<NamespaceCursor> cursor_of(StateDatabase& database) {
    auto cursor = database.open_namespace("Contract");
    REQUIRE(cursor);
    return std::move(*cursor);
}

}  // namespace

TEST_CASE("a tree larger than a window is read completely and in order") {
    const test::TempDir dir;
    make(dir.path("trie.db"));
    const auto database = open_bolt(dir.path("trie.db"), 0ms);
    REQUIRE(database);
    const auto cursor = cursor_of(**database);
    int count = 0;
    bool right = true;
    for (EntryView entry; cursor->next(entry); ++count)
        right = right && as_text(entry.key) == fmt::format("key {:08}", count) &&
                to_bytes(entry.value) == value_of(count);
    CHECK(cursor->status());
    CHECK(right);
    CHECK(count == kEntries);
    EntryView entry;
    CHECK_FALSE(cursor->next(entry));  // it stays at the end
    CHECK(cursor->status());
}

TEST_CASE("a walk may be ended at any entry") {
    const test::TempDir dir;
    make(dir.path("trie.db"));
    const auto database = open_bolt(dir.path("trie.db"), 0ms);
    REQUIRE(database);
    for (const int last : {0, 1, 8'191, 8'193, 20'000, kEntries - 1}) {
        const auto cursor = cursor_of(**database);
        EntryView entry;
        for (int i = 0; i <= last; ++i)
            REQUIRE(cursor->next(entry));
        CHECK(as_text(entry.key) == fmt::format("key {:08}", last));
    }
}

TEST_CASE("a damaged page far ahead ends the walk with its number, also when asked again") {
    const test::TempDir dir;
    make(dir.path("trie.db"));
    const int fd = ::open(dir.path("trie.db").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::pwrite(fd, "\xff", 1, 15'000 * kPageSize) == 1);  // damages the page's number
    ::close(fd);
    const auto database = open_bolt(dir.path("trie.db"), 0ms);
    REQUIRE(database);
    const auto cursor = cursor_of(**database);
    int count = 0;
    EntryView entry;
    while (cursor->next(entry))
        ++count;
    CHECK(count > 8'192);
    CHECK(count < kEntries);
    REQUIRE_FALSE(cursor->status());
    CHECK(cursor->status().error().code == ErrorCode::bad_data);
    CHECK_THAT(cursor->status().error().why, Contains("page 15000"));
    CHECK_FALSE(cursor->next(entry));
}

TEST_CASE("a leaf that claims to be empty and a wrong size are errors, not fewer or other entries") {
    const test::TempDir dir;
    const std::string path = dir.path("trie.db");
    {
        test::BoltWriter writer(path, {.page_size = kPageSize});
        auto root = writer.tree();
        auto bucket = writer.tree();
        for (int i = 0; i < 40; ++i)
            bucket.add(fmt::format("key {:08}", i), value_of(i));
        root.add_bucket("Contract", bucket);
        writer.commit(root);
    }
    const int fd = ::open(path.c_str(), O_RDWR);
    REQUIRE(fd >= 0);
    const auto walk = [&]() -> Status {
        auto database = open_bolt(path, 0ms);
        if (!database) return fail(database.error());
        auto cursor = (*database)->open_namespace("Contract");
        if (!cursor) return fail(cursor.error());
        for (EntryView entry; (*cursor)->next(entry);) {
        }
        return (*cursor)->status();
    };
    const auto damaged = [&](off_t at, std::uint8_t byte) {
        std::uint8_t was = 0;
        REQUIRE(::pread(fd, &was, 1, at) == 1);
        REQUIRE(::pwrite(fd, &byte, 1, at) == 1);
        const Status walked = walk();
        REQUIRE(::pwrite(fd, &was, 1, at) == 1);
        return walked;
    };
    REQUIRE(walk());
    int leaves = 0;
    for (off_t page = 2 * off_t{kPageSize}; page < ::lseek(fd, 0, SEEK_END); page += kPageSize) {
        std::uint8_t head[32];
        REQUIRE(::pread(fd, head, sizeof head, page) == sizeof head);
        // Find a leaf (flags 2) with two values of 400 bytes. The size of a value is at byte 12 of its element.
        if (head[8] != 2 || head[10] != 2) continue;
        ++leaves;
        const Status emptied = damaged(page + 10, 0);
        REQUIRE_FALSE(emptied);
        CHECK_THAT(emptied.error().why, Contains("no elements"));
        const Status shortened = damaged(page + 16 + 12, head[28] - 1);
        REQUIRE_FALSE(shortened);
        CHECK_THAT(shortened.error().why, Contains("element 1 does not follow the one before it"));
    }
    CHECK(leaves == 20);
    ::close(fd);
}
