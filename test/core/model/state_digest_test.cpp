// SPDX-License-Identifier: Apache-2.0
#include "core/model/state_digest.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/support/test_data.hpp"

using namespace ioswarm;

namespace {

Bytes base64(const nlohmann::json& value) {
    return value.is_null() ? Bytes{} : from_base64(value.get<std::string>()).value();
}

StateDiff diff_of(const nlohmann::json& document) {
    StateDiff diff;
    diff.height = document.at("height").get<std::uint64_t>();
    for (const auto& entry : document.at("entries")) {
        diff.entries.push_back({entry.at("write_type").get<std::uint32_t>(),
                                entry.at("namespace").get<std::string>(), base64(entry.at("key")),
                                base64(entry.value("value", nlohmann::json()))});
    }
    diff.digest = base64(document.at("digest_bytes"));
    return diff;
}

StateDiff with_digest(std::vector<StateDiffEntry> entries, DigestRules rules) {
    StateDiff diff{7, std::move(entries), {}};
    diff.digest = to_bytes(state_digest(diff.entries, rules).view());
    return diff;
}

}  // namespace

// Origin: test/data/node/agent-l4.json, diffs and block headers of a real iotex-core v2.3.8.
TEST_CASE("the computed digest of each of a real node's diffs equals the one in its block's header") {
    const auto recorded = nlohmann::json::parse(test::read_data("node/agent-l4.json"));
    REQUIRE(recorded.at("diffs").size() == 108);
    for (const auto& one : recorded.at("diffs")) {
        const StateDiff diff = diff_of(one);
        CAPTURE(diff.height);
        CHECK(has_true_digest(diff));
        const std::string in_header =
            recorded.at("delta_state_digest").at(std::to_string(diff.height)).get<std::string>();
        CHECK(to_hex(diff.digest) == in_header);
    }
}

TEST_CASE("a diff whose entries do not fit its digest is found") {
    StateDiff diff = with_digest({{0, "Account", {1, 2}, {3}}, {1, "Contract", {4}, {}}}, DigestRules::current);
    REQUIRE(has_true_digest(diff));
    SECTION("a value differs") {
        diff.entries[0].value = {9};
    }
    SECTION("a delete became a put") {
        diff.entries[1].write_type = 0;
    }
    SECTION("an entry is missing") {
        diff.entries.pop_back();
    }
    SECTION("the order differs") {
        std::swap(diff.entries[0], diff.entries[1]);
    }
    SECTION("the digest is too short") {
        diff.digest.pop_back();
    }
    SECTION("the digest is missing") {
        diff.digest.clear();
    }
    CHECK_FALSE(has_true_digest(diff));
}

TEST_CASE("StakingView never counts, and contract staking counts under one of the two rules") {
    const StateDiffEntry account{0, "Account", {1}, {2}};
    const StateDiffEntry view{0, "StakingView", {1}, {2}};
    const StateDiffEntry meta{0, "staking_contract_meta", {1}, {2}};
    const StateDiffEntry bucket{0, "cs_bucket_1", {1}, {2}};
    const std::vector<StateDiffEntry> all{account, view, meta, bucket};
    CHECK(state_digest(std::vector{account, view}, DigestRules::current) ==
          state_digest(std::vector{account}, DigestRules::current));
    CHECK(state_digest(all, DigestRules::before_contract_staking) ==
          state_digest(std::vector{account}, DigestRules::current));
    CHECK(state_digest(all, DigestRules::current) ==
          state_digest(std::vector{account, meta, bucket}, DigestRules::current));
    CHECK(has_true_digest(with_digest(all, DigestRules::current)));
    CHECK(has_true_digest(with_digest(all, DigestRules::before_contract_staking)));
}
