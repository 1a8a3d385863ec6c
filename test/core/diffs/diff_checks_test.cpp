// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_checks.hpp"

#include <catch2/catch.hpp>

#include <map>

#include "core/model/state_digest.hpp"

using namespace ioswarm;

namespace {

StateDiff diff_of(std::uint64_t height, const std::string& ns = "Account", std::uint32_t write_type = 0) {
    StateDiff diff;
    diff.height = height;
    diff.entries.push_back({write_type, ns, {1, 2}, {3}});
    diff.digest = to_bytes(state_digest(diff.entries, DigestRules::current).view());
    return diff;
}

/// Names of the failed checks, with their details.
std::map<std::string, std::string> failed(const DiffChecks& checks) {
    std::map<std::string, std::string> out;
    for (const auto& finding : checks.findings()) {
        if (!finding.passed) out[finding.name] = finding.detail;
    }
    return out;
}

using Failed = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("a stream that catches up and continues live passes every check", "[diffs]") {
    DiffChecks checks(5, 7);
    for (std::uint64_t height = 5; height <= 9; ++height) {
        CHECK(checks.expected() == height);
        CHECK(checks.caught_up() == (height > 7));
        checks.take(diff_of(height));
    }
    CHECK(failed(checks) == Failed{});
    CHECK(checks.diffs() == 5);
    CHECK(checks.live() == 2);
    CHECK(checks.entries() == 5);
    std::vector<std::string> names;
    for (const auto& finding : checks.findings())
        names.emplace_back(finding.name);
    CHECK(names ==
          std::vector<std::string>{"namespaces", "write_types", "heights", "digests", "catch_up", "live"});
}

TEST_CASE("each check fails for its own fault alone, and names the height", "[diffs]") {
    const auto with = [](std::initializer_list<StateDiff> diffs) {
        DiffChecks checks(5, 6);
        for (const StateDiff& diff : diffs)
            checks.take(diff);
        return failed(checks);
    };
    CHECK(with({diff_of(5), diff_of(6), diff_of(7)}) == Failed{});
    CHECK(with({diff_of(5, "Acount"), diff_of(6), diff_of(7, "x")}) ==
          Failed{{"namespaces", "2 wrong, first 'Acount' at height 5"}});
    CHECK(with({diff_of(5), diff_of(6, "Code", 2), diff_of(7)}) ==
          Failed{{"write_types", "1 wrong, first 2 at height 6"}});
    CHECK(with({diff_of(5), diff_of(7), diff_of(8)}) ==
          Failed{{"heights", "1 wrong, first 7 came where 6 was next"}});
    CHECK(with({diff_of(5), diff_of(6), diff_of(6), diff_of(7)}) ==
          Failed{{"heights", "1 wrong, first 6 came where 7 was next"}});
    CHECK(with({diff_of(6), diff_of(7)}) == Failed{{"heights", "1 wrong, first 6 came where 5 was next"}});
    StateDiff wrong = diff_of(6);
    wrong.digest[0] ^= 1;
    CHECK(with({diff_of(5), wrong, diff_of(7)}) == Failed{{"digests", "1 wrong, first at height 6"}});
    CHECK(with({diff_of(5), diff_of(6)}) == Failed{{"live", "0 diffs after height 6"}});
    CHECK(with({diff_of(5)}) ==
          Failed{{"catch_up", "ended at 5, 6 was wanted"}, {"live", "0 diffs after height 6"}});
}

TEST_CASE("a live height that is sent twice counts once", "[diffs]") {
    DiffChecks checks(5, 5);
    for (const std::uint64_t height : {5U, 6U, 6U})
        checks.take(diff_of(height));
    CHECK(checks.live() == 1);
}

TEST_CASE("a stream without any diff passes no check", "[diffs]") {
    CHECK(failed(DiffChecks(1, 1)).size() == 6);
}

TEST_CASE("namespaces of nodes are known, those of buckets by their prefix", "[diffs]") {
    for (const char* name : {"Account", "Code", "Contract", "_meta", "System", "Rewarding", "Candidate",
                             "CandsMap", "Bucket", "Staking", "StakingView", "Preimage",
                             "staking_contract_meta", "cs_bucket_0x68db92a6a78a39dcaff1745da9e89e230ef49d3d"}) {
        CHECK(is_known_namespace(name));
    }
    for (const char* name : {"", "account", "Accounts", "cs_bucke", "Blocks"})
        CHECK_FALSE(is_known_namespace(name));
}

TEST_CASE("for a mistyped namespace the closest known one is suggested", "[diffs]") {
    for (const char* name : {"Acount", "account", "Accuont", "Accounts"})
        CHECK(nearest_namespace(name) == "Account");
    CHECK(nearest_namespace("cod") == "Code");
    for (const char* name : {"", "x", "Account", "Blocks", "cs_bucket_1"})
        CHECK(nearest_namespace(name).empty());
}
