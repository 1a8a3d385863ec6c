// SPDX-License-Identifier: Apache-2.0
#include "snapshot/reader.hpp"

#include <filesystem>
#include <map>

#include <catch2/catch.hpp>

#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;

namespace {

std::string data(const std::string& name) {
    return std::string(IOSWARM_TEST_DATA) + "/snapshots/" + name;
}

/// Returns the number of entries per namespace, or the first error.
Result<std::map<std::string, std::uint64_t>> read_all(const std::string& path) {
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
    auto reader = SnapshotReader::open(data("acctcode.snap.gz"));
    REQUIRE(reader);
    CHECK((*reader)->height() == 46006460);
    const auto acctcode = read_all(data("acctcode.snap.gz"));
    REQUIRE(acctcode);
    CHECK(*acctcode == std::map<std::string, std::uint64_t>{{"Account", 1820}, {"Code", 40}});
    const auto full = read_all(data("full.snap.gz"));
    REQUIRE(full);
    CHECK(*full == std::map<std::string, std::uint64_t>{{"Account", 1820}, {"Code", 40}, {"Contract", 2728}});
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
    for (const auto& file : std::filesystem::directory_iterator(data("bad"))) {
        const std::string name = file.path().filename().string();
        INFO(name);
        const auto all = read_all(file.path().string());
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
