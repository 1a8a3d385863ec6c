// SPDX-License-Identifier: Apache-2.0
#include "settlement/rows.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace ioswarm::settlement;

namespace {

CoveredPayout covered_payout(std::uint64_t epoch, std::string agent, std::uint8_t wallet,
                             std::uint64_t amount) {
    CoveredPayout out;
    out.epoch = epoch;
    out.agent_id = std::move(agent);
    out.wallet.bytes.fill(wallet);
    out.amount_rau = amount;
    return out;
}

}  // namespace

TEST_CASE("the hash of payouts changes with every field and with their order") {
    const std::vector<CoveredPayout> payouts{covered_payout(1, "a", 1, 10), covered_payout(1, "b", 2, 20)};
    const Hash256 hash = payouts_hash(payouts);
    CHECK(payouts_hash(payouts) == hash);

    const std::vector<std::vector<CoveredPayout>> others{
        {covered_payout(2, "a", 1, 10), covered_payout(1, "b", 2, 20)},
        {covered_payout(1, "ab", 1, 10), covered_payout(1, "b", 2, 20)},
        {covered_payout(1, "a", 3, 10), covered_payout(1, "b", 2, 20)},
        {covered_payout(1, "a", 1, 11), covered_payout(1, "b", 2, 20)},
        {covered_payout(1, "b", 2, 20), covered_payout(1, "a", 1, 10)},
        {covered_payout(1, "a", 1, 10)},
        {},
    };
    for (const std::vector<CoveredPayout>& other : others)
        CHECK(payouts_hash(other) != hash);
}

TEST_CASE("the same settlement has the same key, and another generation has another key") {
    SettlementIdentity identity;
    identity.chain_id = 4689;
    IntentRow intent;
    intent.kind = IntentKind::settle;
    intent.pool_epoch = 360;
    intent.value_rau = 1000;
    const Hash256 key = intent_key(identity, intent, 0);
    CHECK(intent_key(identity, intent, 0) == key);
    CHECK(intent_key(identity, intent, 1) != key);

    identity.chain_id = 4690;
    CHECK(intent_key(identity, intent, 0) != key);
    identity.chain_id = 4689;
    intent.value_rau = 1001;
    CHECK(intent_key(identity, intent, 0) != key);
}
