// SPDX-License-Identifier: Apache-2.0
// One byte of a small state database is damaged, at any place and in either kind. The result is an error or the
// original content.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include <catch2/catch.hpp>

#include "core/base/atomic_file.hpp"
#include "core/crypto/keccak.hpp"
#include "snapshot/open_state.hpp"
#include "snapshot/store/state_database.hpp"
#include "test/support/bolt_writer.hpp"
#include "test/support/pebble_writer.hpp"
#include "test/support/state_entries.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using Entries = std::map<std::string, std::string>;

/// Code from a few bytes up to several pages. Its hash is its key.
Entries codes() {
    Entries out;
    std::string code = "\x60\x80\x60\x40";
    for (int i = 0; i < 16; ++i) {
        code += static_cast<char>(i * 7);
        if (i % 5 == 4) code += std::string(400, static_cast<char>(i));
        const std::string value =
            i % 7 == 5 ? code + std::string(1500, static_cast<char>(i)) : code.substr(code.size() / 2);
        out.emplace(as_text(keccak256(as_bytes(value)).view()), value);
    }
    return out;
}

/// Returns the text of the error, or nothing and the content in `out`.
std::optional<std::string> read(const std::string& path, bool live, Entries& out) {
    out.clear();
    auto database = open_state(path, {0ms, live});
    if (!database) return database.error().text();
    auto cursor = (*database)->open_namespace("Code");
    if (!cursor) return cursor.error().text();
    for (EntryView entry; (*cursor)->next(entry);)
        out.emplace(as_text(entry.key), as_text(entry.value));
    if (!(*cursor)->status()) return (*cursor)->status().error().text();
    return std::nullopt;
}

/// Makes the exporter's check (export.cpp): the key of code must be its hash.
bool proven(const Entries& entries) {
    for (const auto& [key, value] : entries) {
        if (as_text(keccak256(as_bytes(value)).view()) != key) return false;
    }
    return true;
}

class OneByte {
  public:
    OneByte(const std::string& file, std::size_t at, std::uint8_t mask)
        : fd_(::open(file.c_str(), O_RDWR)), at_(static_cast<off_t>(at)) {
        REQUIRE(::pread(fd_, &was_, 1, at_) == 1);
        const auto is = static_cast<std::uint8_t>(was_ ^ mask);
        REQUIRE(::pwrite(fd_, &is, 1, at_) == 1);
    }
    ~OneByte() {
        (void)!::pwrite(fd_, &was_, 1, at_);
        ::close(fd_);
    }
    OneByte(const OneByte&) = delete;
    OneByte& operator=(const OneByte&) = delete;

  private:
    int fd_;
    off_t at_;
    std::uint8_t was_ = 0;
};

}  // namespace

TEST_CASE("a flipped byte anywhere in a BoltDB file is an error or changes no verified content") {
    const test::TempDir dir;
    const std::string path = dir.path("trie.db");
    const Entries wanted = codes();
    {
        test::BoltWriter writer(path, {.page_size = 1024, .fill = 0.7});
        auto root = writer.tree();
        auto accounts = writer.tree();
        test::state_entries("Account", 60'000, 1,
                            [&](BytesView key, BytesView value) { accounts.add(key, value); });
        root.add_bucket("Account", accounts);
        auto code = writer.tree();
        for (const auto& [key, value] : wanted)
            code.add(key, as_bytes(value));
        root.add_bucket("Code", code);
        auto small = writer.tree();
        small.add("name", as_bytes("value"));
        root.add_bucket("System", small);
        writer.commit(root);
    }
    Entries got;
    REQUIRE_FALSE(read(path, false, got));
    REQUIRE((got == wanted));
    std::size_t errors = 0;
    std::size_t same = 0;
    for (std::size_t at = 0; at < fs::file_size(path); ++at) {
        for (const int mask : {1 << (at % 8), 0xff}) {
            const OneByte damaged(path, at, static_cast<std::uint8_t>(mask));
            if (read(path, false, got) || !proven(got))
                ++errors;
            else if (got == wanted)
                ++same;
            else
                FAIL_CHECK("byte " << at << " ^ " << mask << ": " << got.size() << " of " << wanted.size()
                                   << " entries, no error");
        }
    }
    CHECK(errors > 5000);
    CHECK(same > 1000);
}

TEST_CASE("a flipped byte anywhere in a PebbleDB directory is an error or changes nothing") {
    const test::TempDir dir;
    const std::string path = dir.path("trie.db");
    fs::create_directory(path);
    const Entries wanted = codes();
    std::vector<test::PebbleTable> tables;
    std::size_t last_record = 0;
    std::string log;
    {
        auto table = std::make_unique<test::PebbleTableWriter>(
            path, 2, 6, test::PebbleTableWriter::Settings{.block_bytes = 256});
        std::uint64_t sequence = 10;
        auto it = wanted.begin();
        for (int i = 0; i < 10; ++i, ++it)
            table->add(test::pebble_key("Code", as_bytes(it->first)), sequence++, 1, as_bytes(it->second));
        tables.push_back(table->finish());
        test::pebble_directory(path, tables, sequence - 1);
        log = path + "/000007.log";
        test::PebbleLogWriter writer(log, 7);
        for (; it != wanted.end(); ++it) {
            last_record = fs::file_size(log);
            writer.add(test::pebble_batch(sequence++, {{1, test::pebble_key("Code", as_bytes(it->first)),
                                                        to_bytes(as_bytes(it->second))}}));
        }
    }
    Entries got;
    const auto failed = read(path, false, got);
    if (failed) FAIL(*failed);
    REQUIRE((got == wanted));
    Entries without_last = wanted;
    without_last.erase(std::prev(without_last.end()));
    std::size_t errors = 0;
    for (const std::string& file : {path + "/000002.sst", path + "/MANIFEST-000001", log}) {
        for (std::size_t at = 0; at < fs::file_size(file); ++at) {
            for (const int mask : {1 << (at % 8), 0xff}) {
                for (const bool live : {false, true}) {
                    const OneByte damaged(file, at, static_cast<std::uint8_t>(mask));
                    if (read(path, live, got)) ++errors;
                    // A damaged last record of an open log cannot be told from a torn write.
                    else if (got != wanted && !(file == log && at >= last_record && got == without_last))
                        FAIL_CHECK(file << " byte " << at << " ^ " << mask << ": " << got.size() << " of "
                                        << wanted.size());
                }
            }
        }
    }
    CHECK(errors > 5000);
}
