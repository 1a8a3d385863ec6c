// SPDX-License-Identifier: Apache-2.0
#include "proto/codec/diff_json.hpp"

#include <random>

#include <catch2/catch.hpp>

#include "core/diffs/diff_record.hpp"
#include "proto/codec/codec.hpp"

using namespace ioswarm;

namespace {

Bytes random_bytes(std::mt19937& random, std::size_t most) {
    Bytes out(random() % (most + 1));
    for (auto& byte : out)
        byte = static_cast<std::uint8_t>(random());
    return out;
}

StateDiff random_diff(std::mt19937& random) {
    StateDiff diff;
    diff.height = random() % 4 == 0 ? ~std::uint64_t{0} : random();
    diff.digest = random_bytes(random, 40);
    diff.entries.resize(random() % 6);
    for (auto& entry : diff.entries) {
        entry.write_type = random() % 2;
        entry.ns = random() % 5 == 0 ? "a<b>\"\\\n\u2028&" : random() % 3 == 0 ? "" : "Account";
        entry.key = random_bytes(random, 40);
        entry.value = random_bytes(random, 300);
    }
    return diff;
}

}  // namespace

TEST_CASE("a record is converted to its diff's JSON byte for byte") {
    std::mt19937 random(1);
    for (int i = 0; i < 3000; ++i) {
        const StateDiff diff = random_diff(random);
        const auto json = proto::diff_json(diff_record(diff));
        REQUIRE(json);
        REQUIRE(as_text(*json) == as_text(proto::encode(proto::Codec::json, diff)));
        const bool has_escapes = std::any_of(diff.entries.begin(), diff.entries.end(),
                                             [](const auto& entry) { return entry.ns.starts_with('a'); });
        if (!has_escapes) REQUIRE(proto::diff_json_size(diff_record(diff)) == json->size());
    }
    CHECK(proto::diff_json(diff_record(StateDiff{})).value() == proto::encode(proto::Codec::json, StateDiff{}));
}

TEST_CASE("bytes that are not a record have no JSON") {
    StateDiff diff;
    diff.height = 300;
    diff.entries.push_back({0, "Account", {1}, {2}});
    Bytes record = diff_record(diff);
    SECTION("the record is cut") {
        record.pop_back();
    }
    SECTION("a field is unknown") {
        record.insert(record.end(), {0x20, 0x01});
    }
    CHECK(proto::diff_json_size(record) == 0);
    CHECK(proto::diff_json(record).error().code == ErrorCode::bad_data);
}

TEST_CASE("a record is the protobuf message of its diff") {
    std::mt19937 random(2);
    for (int i = 0; i < 500; ++i) {
        const StateDiff diff = random_diff(random);
        REQUIRE(diff_record(diff) == proto::encode(proto::Codec::protobuf, diff));
    }
}
