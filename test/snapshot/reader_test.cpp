// SPDX-License-Identifier: Apache-2.0
#include "snapshot/reader.hpp"

#include <filesystem>
#include <map>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "snapshot/format.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;

namespace {

/// Returns the number of entries per namespace, or the first error.
Result<std::map<std::string, std::uint64_t>> count_entries(const std::string& path) {
    auto reader = SnapshotReader::open(path);
    if (!reader) return fail(reader.error());
    std::map<std::string, std::uint64_t> counts;
    for (;;) {
        auto entry = (*reader)->next();
        if (!entry) return fail(entry.error());
        if (!*entry) return counts;
        ++counts[std::string((*entry)->name)];
    }
}

}  // namespace

TEST_CASE("snapshots made by a Go writer from bolt/trie.db are read completely, with the manifest's counts") {
    auto reader = SnapshotReader::open(test::data_path("snapshots/acctcode.snap.gz"));
    REQUIRE(reader);
    CHECK((*reader)->height() == 46006460);
    const auto acctcode = count_entries(test::data_path("snapshots/acctcode.snap.gz"));
    REQUIRE(acctcode);
    CHECK(*acctcode == std::map<std::string, std::uint64_t>{{"Account", 1820}, {"Code", 40}});
    const auto full = count_entries(test::data_path("snapshots/full.snap.gz"));
    REQUIRE(full);
    CHECK(*full == std::map<std::string, std::uint64_t>{{"Account", 1820}, {"Code", 40}, {"Contract", 2728}});
}

namespace {

/// The uncompressed bytes of a snapshot, in pieces of `piece` bytes.
class PiecesOfSnapshot final : public ByteStream {
  public:
    PiecesOfSnapshot(Bytes content, std::size_t piece) : content_(std::move(content)), piece_(piece) {}
    Result<BytesView> next() override {
        const BytesView rest = BytesView(content_).subspan(at_);
        const BytesView out = rest.first(std::min(piece_, rest.size()));
        at_ += out.size();
        return out;
    }
    [[nodiscard]] std::uint64_t compressed_bytes() const noexcept override { return at_; }
    [[nodiscard]] std::uint64_t file_size() const noexcept override { return content_.size(); }

  private:
    const Bytes content_;
    const std::size_t piece_;
    std::size_t at_ = 0;
};

void put_number(Bytes& out, std::uint64_t number, int bytes) {
    while (bytes-- > 0)
        out.push_back(static_cast<std::uint8_t>(number >> (8 * bytes)));
}

void put_text(Bytes& out, std::string_view text) {
    out.insert(out.end(), text.begin(), text.end());
}

/// A snapshot of these namespaces and keys, in this order, with correct count and digest.
Bytes snapshot_of(const std::vector<std::pair<std::string, std::string>>& entries) {
    Bytes out;
    put_text(out, kSnapshotMagic);
    put_number(out, kSnapshotVersion, 4);
    put_number(out, 7, 8);
    for (const auto& [name, key] : entries) {
        out.push_back(kEntryMarker);
        put_number(out, name.size(), 1);
        put_text(out, name);
        put_number(out, key.size(), 4);
        put_text(out, key);
        put_number(out, 1, 4);
        put_text(out, "v");
    }
    out.push_back(kEndMarker);
    const Hash256 digest = sha256(out);
    put_number(out, entries.size(), 8);
    out.insert(out.end(), digest.view().begin(), digest.view().end());
    put_text(out, kSnapshotEndMagic);
    return out;
}

/// The number of entries, or why the snapshot is refused.
std::string told_of(const std::vector<std::pair<std::string, std::string>>& entries, std::size_t piece) {
    auto reader =
        SnapshotReader::open("made.gz", std::make_unique<PiecesOfSnapshot>(snapshot_of(entries), piece));
    if (!reader) return reader.error().why;
    for (;;) {
        const auto entry = (*reader)->next();
        if (!entry) return entry.error().why;
        if (!*entry) return std::to_string((*reader)->entries());
    }
}

}  // namespace

TEST_CASE("a snapshot whose entries are not in the order of a database is refused") {
    // Whole entries in one piece and entries over several pieces are read in different ways.
    const std::size_t piece = GENERATE(std::size_t{5}, std::size_t{4096});
    CAPTURE(piece);
    // The order is that of unsigned bytes. A key that begins with another comes after it, and an empty one
    // first.
    CHECK(told_of({{"Code", ""}, {"Code", "a"}, {"Code", "ab"}, {"Code", "b"}, {"Code", "\xff"}}, piece) ==
          "5");
    // Namespaces have no order, and one key may be in several of them.
    CHECK(told_of({{"Code", "b"}, {"Account", "a"}, {"Contract", "a"}}, piece) == "3");
    CHECK(told_of({{"Code", "a"}, {"Code", "a"}}, piece) ==
          "a key of Code at byte 36 does not come after the one before it");
    CHECK(told_of({{"Code", "b"}, {"Code", "a"}}, piece) ==
          "a key of Code at byte 36 does not come after the one before it");
    CHECK(told_of({{"Code", "a"}, {"Account", "a"}, {"Code", "b"}}, piece) ==
          "the namespace Code comes in two parts, the second at byte 55");
    CHECK(told_of({{"", "a"}}, piece) == "the namespace at byte 20 has no name");
    CHECK(told_of({{"Code", "a"}, {"", "a"}}, piece) == "the namespace at byte 36 has no name");
}

TEST_CASE("a snapshot with more namespaces than a reader remembers is refused") {
    std::vector<std::pair<std::string, std::string>> entries;
    for (std::size_t i = 0; i < kMaxSnapshotNamespaces; ++i)
        entries.emplace_back(std::to_string(i), "key");
    CHECK(told_of(entries, 4096) == "10000");
    entries.emplace_back("one more", "key");
    CHECK(told_of(entries, 4096) == "it has more than 10000 namespaces");
}

TEST_CASE("every damaged snapshot is refused with the reason, and sound ones are read") {
    const std::map<std::string, std::string> reasons = {
        {"bad-magic.snap.gz", "IOSWSNAP"},
        {"version-2.snap.gz", "version 2"},
        {"marker-7.snap.gz", "marker 7"},
        {"count-off-by-one.snap.gz", "counts"},
        {"digest-wrong.snap.gz", "digest"},
        {"payload-bit-flipped.snap.gz", "digest"},
        {"end-magic-wrong.snap.gz", "end magic"},
        {"trailing-bytes.snap.gz", "follow the trailer"},
        {"key-length-4g.snap.gz", "over the bound"},
        {"value-length-4g.snap.gz", "over the bound"},
        {"value-1gib-of-zeros.snap.gz", "over the bound"},
        {"ends-in-entry.snap.gz", "ends inside"},
        {"ends-in-trailer.snap.gz", "ends inside"},
        {"ends-before-trailer.snap.gz", "ends inside"},
        {"empty-payload.snap.gz", "ends inside"},
        {"empty-file.snap.gz", "empty"},
        {"not-gzip.snap.gz", "header"},
        {"gzip-truncated.snap.gz", "cut short"},
        {"gzip-crc-wrong.snap.gz", "check"},
    };
    std::size_t seen = 0;
    for (const auto& file : std::filesystem::directory_iterator(test::data_path("snapshots/bad"))) {
        const std::string name = file.path().filename().string();
        INFO(name);
        const auto all = count_entries(file.path().string());
        if (name.starts_with("ok-")) {
            CHECK(all);
            continue;
        }
        REQUIRE_FALSE(all);
        INFO(all.error().text());
        CHECK(all.error().code == ErrorCode::bad_data);
        REQUIRE(reasons.contains(name));
        CHECK(all.error().why.find(reasons.at(name)) != std::string::npos);
        ++seen;
    }
    CHECK(seen == reasons.size());
}
