// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_record.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

namespace {

const StateDiff kDiff{
    300, {{0, "Account", {0xaa}, {1, 2}}, {1, "Code", {0xbb}, {}}, {0, "", {}, {}}}, Bytes(32, 0x11)};

}  // namespace

TEST_CASE("a diff record is read back as the diff that was written") {
    CHECK(read_diff_record(diff_record(kDiff)).value() == kDiff);
    CHECK(read_diff_record(diff_record(StateDiff{})).value() == StateDiff{});
}

// Origin: written by hand according to https://protobuf.dev/programming-guides/encoding.
TEST_CASE("a diff record is the protobuf message of the protocol") {
    const StateDiff diff{300, {{1, "C", {0xbb}, {}}}, {0x22}};
    CHECK(to_hex(diff_record(diff)) ==
          "08ac02"
          "1208"
          "0801"
          "120143"
          "1a01bb"
          "1a0122");
}

TEST_CASE("a record with too many empty entries is refused before it needs memory for them") {
    Bytes record;
    for (std::size_t i = 0; i <= kMaxDiffEntries; ++i)
        record.insert(record.end(), {0x12, 0x00});
    const auto read = read_diff_record(record);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::bad_data);
    record.resize(record.size() - 2);
    CHECK(read_diff_record(record)->entries.size() == kMaxDiffEntries);
}

TEST_CASE("bytes that are not a diff record are bad data") {
    Bytes record = diff_record(kDiff);
    SECTION("the record is cut, except between fields") {
        record.pop_back();
    }
    SECTION("a field is unknown") {
        record.insert(record.end(), {0x20, 0x01});
    }
    SECTION("a write type does not exist") {
        record = *from_hex("12020802");
    }
    SECTION("a field in an entry is unknown") {
        record = *from_hex("12022801");
    }
    const auto read = read_diff_record(record);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::bad_data);
}
