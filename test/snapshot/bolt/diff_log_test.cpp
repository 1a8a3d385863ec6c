// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "snapshot/bolt/diff_log.hpp"
#include "snapshot/gzip/gunzip.hpp"
#include "snapshot/store/diff_log.hpp"
#include "snapshot/store/reference_diff.hpp"
#include "test/support/reference_diffs.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

std::string log_data(const std::string& name) {
    return std::string(IOSWARM_TEST_DATA) + "/" + name;
}

Result<std::vector<StateDiff>> read_all(const std::string& path) {
    auto log = open_bolt_diffs(path, 0ms);
    if (!log) return fail(log.error());
    std::vector<StateDiff> out;
    for (;;) {
        auto diff = (*log)->next();
        if (!diff) return fail(diff.error());
        if (!*diff) return out;
        out.push_back(**std::move(diff));
    }
}

Bytes bytes_of(const nlohmann::json& value) {
    return value.is_null() ? Bytes() : *from_base64(value.get<std::string>());
}

std::vector<StateDiff> logged_diffs(std::uint64_t from, std::uint64_t to) {
    std::vector<StateDiff> out;
    for (std::uint64_t height = from; height <= to; ++height) {
        std::vector<StateDiffEntry> entries{
            {0, "Account", Bytes(20, static_cast<std::uint8_t>(height)), Bytes(50, 1)},
            {1, "Code", Bytes(32, 2), {}}};
        out.push_back(test::true_diff(height, std::move(entries)));
    }
    return out;
}

}  // namespace

TEST_CASE("all 120 heights of the reference's diff store have their noted content") {
    const auto wanted = nlohmann::json::parse(test::read_data("bolt/statediffs.json"));
    const auto diffs = read_all(log_data("bolt/statediffs.db"));
    if (!diffs) FAIL(diffs.error().text());
    REQUIRE(diffs->size() == 120);
    REQUIRE(wanted.size() == 120);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        StateDiff diff{wanted[i]["Height"], {}, bytes_of(wanted[i]["DigestBytes"])};
        for (const auto& entry : wanted[i]["Entries"])
            diff.entries.push_back(
                {entry["Type"], entry["Namespace"], bytes_of(entry["Key"]), bytes_of(entry["Value"])});
        CHECK((*diffs)[i] == diff);
    }
}

TEST_CASE("a log begins at the height it is told, and reports which heights it has") {
    auto log = open_bolt_diffs(log_data("node/chain-pebble/statediffs.db"), 0ms);
    REQUIRE(log);
    CHECK((*log)->range() == DiffRange{1, 27});
    for (const std::uint64_t from : {12U, 27U, 1U, 5U}) {
        REQUIRE((*log)->seek(from));
        for (std::uint64_t height = from; height <= 27; ++height) {
            const auto diff = (*log)->next();
            REQUIRE(diff);
            REQUIRE(*diff);
            CHECK((*diff)->height == height);
        }
        CHECK_FALSE(*(*log)->next());
    }
    for (const std::uint64_t outside : {0U, 28U})
        CHECK((*log)->seek(outside).error().code == ErrorCode::out_of_range);
}

TEST_CASE("an empty store has no diffs, and a BoltDB file without a bucket of diffs is refused") {
    const test::TempDir dir;
    test::write_reference_store(dir.path("empty.db"), {});
    CHECK(read_all(dir.path("empty.db"))->empty());
    const auto state = open_bolt_diffs(log_data("bolt/trie.db"), 0ms);
    REQUIRE_FALSE(state);
    CHECK(state.error().code == ErrorCode::bad_data);
    CHECK_THAT(state.error().why, Contains("'diffs'"));
    CHECK(open_bolt_diffs(dir.write("text", "no database"), 0ms).error().code == ErrorCode::bad_data);
    CHECK(open_bolt_diffs(dir.path("none"), 0ms).error().code == ErrorCode::not_found);
}

TEST_CASE("a store with few small diffs, which lies inside its bucket's own value, can be read") {
    const test::TempDir dir;
    const auto diffs = logged_diffs(7, 8);
    test::write_reference_store(dir.path("small.db"), diffs);
    CHECK(read_all(dir.path("small.db")) == diffs);
}

TEST_CASE("a gap, a wrong height, a wrong digest and a strange key are refused with their height") {
    const test::TempDir dir;
    const auto good = logged_diffs(100, 300);
    std::vector<std::pair<Bytes, Bytes>> records;
    for (const StateDiff& diff : good)
        records.emplace_back(test::height_key(diff.height), test::gzipped(test::reference_json(diff)));
    std::string wanted;
    SECTION("one height is missing") {
        records.erase(records.begin() + 50);
        wanted = "height 150 is missing";
    }
    SECTION("several heights are missing") {
        records.erase(records.begin() + 50, records.begin() + 60);
        wanted = "heights 150 to 159 are missing";
    }
    SECTION("a diff has another height") {
        records[50].second = records[51].second;
        wanted = "height 150 (page";
    }
    SECTION("a digest belongs to other entries") {
        StateDiff diff = good[50];
        diff.entries[0].value[3] ^= 1;
        records[50].second = test::gzipped(test::reference_json(diff));
        wanted = "height 150 (page";
    }
    SECTION("a digest is missing") {
        StateDiff diff = good[50];
        diff.digest.clear();
        records[50].second = test::gzipped(test::reference_json(diff));
        wanted = "height 150 (page";
    }
    SECTION("a value is not gzip") {
        records[50].second = Bytes(100, 'x');
        wanted = "height 150 (page";
    }
    SECTION("a key has nine bytes") {
        records.insert(records.begin() + 51, {test::height_key(150), records[50].second});
        records[51].first.push_back(0);
        wanted = "height 151 (page";
    }
    SECTION("the last key is not a height") {
        records.back().first.push_back(0);
        wanted = "not a height";
    }
    test::write_bolt_bucket(dir.path("diffs.db"), "diffs", records);
    const auto diffs = read_all(dir.path("diffs.db"));
    REQUIRE_FALSE(diffs);
    CHECK(diffs.error().code == ErrorCode::bad_data);
    CHECK(diffs.error().which == dir.path("diffs.db"));
    CHECK_THAT(diffs.error().why, Contains(wanted));
}

TEST_CASE("JSON of another form is refused with a reason") {
    const std::string entry = R"({"Type":0,"Namespace":"A","Key":"AA==","Value":null})";
    const auto diff_of = [](const std::string& entries) {
        return R"({"Height":5,"Entries":)" + entries + R"(,"DigestBytes":"AAAA"})";
    };
    CHECK(parse_reference_diff(as_bytes(diff_of("[" + entry + "]")))->entries.size() == 1);
    CHECK(parse_reference_diff(as_bytes(diff_of("null")))->entries.empty());
    CHECK(parse_reference_diff(as_bytes(diff_of("[]")))->entries.empty());
    for (const std::string& bad : std::vector<std::string>{
             "",
             "null",
             "[]",
             "5",
             "{}",
             "{\"Height\":5}",
             diff_of("[" + entry + "]") + "x",
             diff_of("[" + entry + "]") + diff_of("[]"),
             diff_of("{}"),
             diff_of("[[]]"),
             diff_of("[null]"),
             diff_of("[5]"),
             diff_of("[{}]"),
             diff_of("[" + entry + ",]"),
             diff_of(R"([{"Type":2,"Namespace":"A","Key":"AA==","Value":""}])"),
             diff_of(R"([{"Type":-1,"Namespace":"A","Key":"AA==","Value":""}])"),
             diff_of(R"([{"Type":0.5,"Namespace":"A","Key":"AA==","Value":""}])"),
             diff_of(R"([{"Type":true,"Namespace":"A","Key":"AA==","Value":""}])"),
             diff_of(R"([{"Type":0,"Namespace":"","Key":"AA==","Value":""}])"),
             diff_of(R"([{"Type":0,"Namespace":null,"Key":"AA==","Value":""}])"),
             diff_of(R"([{"Type":0,"Namespace":")" + std::string(256, 'n') + R"(","Key":"AA==","Value":""}])"),
             diff_of(R"([{"Type":0,"Namespace":"A","Key":"AA=","Value":""}])"),
             diff_of(R"([{"Type":0,"Namespace":"A","Key":"AA==","Value":{}}])"),
             diff_of(R"([{"Type":0,"Namespace":"A","Key":"AA==","Key":"AA==","Value":""}])"),
             diff_of(R"([{"Type":0,"Namespace":"A","Key":"AA==","Value":"","More":""}])"),
             diff_of(R"([{"Type":0,"Namespace":"A","Key":")" + to_base64(Bytes(70'000)) + R"(","Value":""}])"),
             R"({"Height":5,"Height":6,"Entries":[],"DigestBytes":"AAAA"})",
             R"({"Height":"5","Entries":[],"DigestBytes":"AAAA"})",
             R"({"Height":5,"DigestBytes":"AAAA"})",
             R"({"Height":99999999999999999999,"Entries":[],"DigestBytes":"AAAA"})",
             std::string(100'000, '['),
             std::string(50'000, '{')}) {
        INFO(bad.substr(0, 200));
        const auto diff = parse_reference_diff(as_bytes(bad));
        REQUIRE_FALSE(diff);
        CHECK(diff.error().code == ErrorCode::bad_data);
        CHECK_FALSE(diff.error().why.empty());
    }
}

TEST_CASE("a refused diff of iotex-core says what is wrong with its JSON, and repeats no long name") {
    const auto why = [](const std::string& json) { return parse_reference_diff(as_bytes(json)).error().why; };
    const auto why_entry = [&](const std::string& entry) {
        return why(R"({"Height":5,"Entries":[)" + entry + R"(],"DigestBytes":"AAAA"})");
    };
    CHECK(why_entry(R"({"Type":0,"Namespace":"A","Key":"AA=","Value":""})") == "bad JSON: 'Key' is not base64");
    CHECK(why_entry(R"({"Type":0,"Type":0})") == "bad JSON: 'Type' is given twice");
    CHECK(why_entry(R"({"Type":2})") == "bad JSON: 'Type' is 2: neither put (0) nor delete (1)");
    CHECK(why_entry("{}") == "bad JSON: a field of an entry is missing");
    CHECK_THAT(why(R"({"Height":5,)"), Contains("bad JSON: syntax error at byte 1"));
    const std::string name(1'000'000, 'n');
    for (const std::string value : {"1", "-1", "0.5", R"("-")", R"("AA==")"})
        CHECK(why(R"({")" + name + R"(":)" + value + "}").size() < 100);
}

TEST_CASE("gunzip accepts a member up to its limit and refuses longer, cut, damaged and followed ones") {
    Bytes out;
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{65'536}, std::size_t{1'000'000}}) {
        const std::string text(size, 'a');
        const Bytes member = test::gzipped(text);
        REQUIRE(gunzip(member, size, out));
        CHECK(as_text(out) == text);
        if (size > 0) CHECK_THAT(gunzip(member, size - 1, out).error().why, Contains("more than"));
        CHECK_FALSE(gunzip(BytesView(member).first(member.size() - 1), size, out));
        CHECK_FALSE(gunzip(BytesView(member).first(member.size() / 2), size, out));
        Bytes more = member;
        more.push_back(0);
        CHECK_FALSE(gunzip(more, size, out));
        Bytes damaged = member;
        damaged[damaged.size() - 6] ^= 1;  // a byte of the CRC
        CHECK_FALSE(gunzip(damaged, size, out));
    }
    CHECK_FALSE(gunzip({}, 100, out));
    CHECK_FALSE(gunzip(as_bytes("no gzip at all, but long enough to be"), 100, out));
}

TEST_CASE("a gzip bomb takes no more memory than a diff may have") {
    // The bomb is made of spaces, which JSON allows between its tokens.
    const test::TempDir dir;
    std::string text(std::size_t{160} << 20, ' ');
    const Bytes bomb = test::gzipped(text);
    text = {};
    REQUIRE(bomb.size() < (std::size_t{4} << 20));
    test::write_bolt_bucket(dir.path("diffs.db"), "diffs", {{test::height_key(5), bomb}});
    const auto diffs = read_all(dir.path("diffs.db"));
    REQUIRE_FALSE(diffs);
    CHECK_THAT(diffs.error().why, Contains("height 5 (page") && Contains("more than"));
}

TEST_CASE("a flipped byte anywhere is found, or changes nothing that is read") {
    const test::TempDir dir;
    const auto good = logged_diffs(1, 60);
    test::write_reference_store(dir.path("good.db"), good);
    const std::string content = dir.read("good.db");
    std::mt19937_64 random(1);
    std::size_t found = 0;
    for (int round = 0; round < 1500; ++round) {
        std::string flipped = content;
        const std::size_t at = random() % flipped.size();
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << (random() % 8)));
        INFO("byte " << at);
        const auto diffs = read_all(dir.write("flipped.db", flipped));
        if (diffs) {
            CHECK(*diffs == good);
        } else {
            ++found;
            CHECK(diffs.error().code == ErrorCode::bad_data);
        }
    }
    CHECK(found > 500);
}
