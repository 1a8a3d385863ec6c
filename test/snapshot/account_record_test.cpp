// SPDX-License-Identifier: Apache-2.0
#include "snapshot/account_record.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace ioswarm::snapshot;

TEST_CASE("an account's record is read field by field, and unknown fields are skipped") {
    // nonce 5, balance "12", root ab, codeHash cd, isCandidate, votingWeight 01, type 1, and a field 9.
    const Bytes record{0x08, 5,    0x12, 2,    '1', '2', 0x1a, 1, 0xab, 0x22, 1,
                       0xcd, 0x28, 1,    0x32, 1,   1,   0x38, 1, 0x48, 7};
    const auto account = read_account_record(record);
    REQUIRE(account);
    CHECK(account->nonce == 5);
    CHECK(account->balance_rau == "12");
    CHECK(account->storage_root == Bytes{0xab});
    CHECK(account->code_hash == Bytes{0xcd});
    CHECK(account->is_candidate);
    CHECK(account->voting_weight == Bytes{1});
    CHECK(account->type == 1);
}

TEST_CASE("an empty record is an account with nothing, and half a message is an error") {
    const auto empty = read_account_record({});
    REQUIRE(empty);
    CHECK(empty->nonce == 0);
    CHECK(empty->balance_rau == "0");
    CHECK(empty->code_hash.empty());

    const auto cut_off = read_account_record(Bytes{0x08, 5, 0x12, 9, '1'});
    REQUIRE_FALSE(cut_off);
    CHECK(cut_off.error().code == ErrorCode::bad_data);
}
