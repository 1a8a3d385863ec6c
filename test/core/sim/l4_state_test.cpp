// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_state.hpp"

#include <catch2/catch.hpp>

#include "core/model/state_digest.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;

namespace {

StateDiff diff_of(std::uint64_t height, std::vector<StateDiffEntry> entries) {
    StateDiff diff{height, std::move(entries), {}};
    diff.digest = to_bytes(state_digest(diff.entries, DigestRules::current).view());
    return diff;
}

StateDiffEntry put(const char* ns, std::uint8_t key, std::uint8_t value) {
    return {0, ns, {key}, {value}};
}
StateDiffEntry remove(const char* ns, std::uint8_t key) {
    return {1, ns, {key}, {}};
}

}  // namespace

TEST_CASE("an L4 state takes diffs in order, the last write of a key counts, a deleted key is gone") {
    L4State state;
    REQUIRE(state.apply(diff_of(1, {put("Account", 1, 10), put("Account", 2, 20), put("Code", 1, 30)})));
    REQUIRE(state.apply(diff_of(2, {remove("Code", 1), put("Account", 1, 11), put("Account", 1, 12),
                                    remove("Contract", 9), remove("Account", 2)})));
    CHECK(state.height() == 2);
    CHECK(state.size() == 1);
    REQUIRE(state.namespaces().size() == 1);
    CHECK(state.namespaces().at("Account").at({1}) == Bytes{12});
}

TEST_CASE("missing, repeated and falsified diffs are refused and change nothing") {
    L4State state;
    REQUIRE(state.apply(diff_of(1, {put("Account", 1, 10)})));
    const Hash256 before = state.hash();
    const auto refused = [&](const StateDiff& diff) {
        const Status applied = state.apply(diff);
        REQUIRE_FALSE(applied);
        CHECK(state.hash() == before);
        return applied.error().code;
    };
    CHECK(refused(diff_of(3, {put("Account", 1, 11)})) == ErrorCode::failed_precondition);
    CHECK(refused(diff_of(1, {put("Account", 1, 11)})) == ErrorCode::failed_precondition);
    CHECK(refused(diff_of(2, {{2, "Account", {1}, {}}})) == ErrorCode::bad_data);
    StateDiff changed = diff_of(2, {put("Account", 1, 11)});
    changed.entries[0].value = {12};
    CHECK(refused(changed) == ErrorCode::bad_data);
}

TEST_CASE("two L4 states have the same hash exactly when they are equal") {
    L4State from_diffs;
    REQUIRE(from_diffs.apply(diff_of(1, {put("Account", 1, 10), put("Code", 1, 30), put("Contract", 5, 5)})));
    REQUIRE(from_diffs.apply(diff_of(2, {remove("Contract", 5)})));
    L4State from_snapshot;
    from_snapshot.load("Code", Bytes{1}, Bytes{30});
    from_snapshot.load("Account", Bytes{1}, Bytes{10});
    CHECK(from_snapshot.hash() != from_diffs.hash());
    from_snapshot.begin_at(2);
    CHECK(from_snapshot.hash() == from_diffs.hash());
    from_snapshot.load("Account", Bytes{1}, Bytes{11});
    CHECK(from_snapshot.hash() != from_diffs.hash());
    L4State moved;  // the same bytes, split differently between key and value
    moved.load("Code", Bytes{}, Bytes{1, 30});
    moved.load("Account", Bytes{1}, Bytes{10});
    moved.begin_at(2);
    CHECK(moved.hash() != from_diffs.hash());
}
