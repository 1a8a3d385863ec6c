// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "contracts/keystore.hpp"
#include "contracts/reward_pool.hpp"
#include "core/crypto/eth_tx.hpp"
#include "settlement/settler.hpp"
#include "test/settlement/store_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;

namespace {

struct SigningDesk {
    SigningDesk() {
        identity = settlement_identity_of_test();
        identity.wallet = key.address();
        limits.max_gas_price = 2'000;
        limits.max_per_settlement_rau = 1'000'000'000;
        intent.id = 1;
        intent.nonce = 7;
        intent.kind = IntentKind::settle;
        intent.pool_epoch = 30;
        intent.to = identity.contract;
        intent.value_rau = 100;
        intent.gas_limit = 100'000;
        intent.data = contracts::settle_epoch_call(
            30,
            std::vector<Hash256>{contracts::entry_word({filled_with<Address>(1), U256(60), true}).value(),
                                 contracts::entry_word({filled_with<Address>(2), U256(40), false}).value()});
    }
    [[nodiscard]] Result<AttemptRow> sign(AttemptKind kind = AttemptKind::pay,
                                          std::uint64_t price = 1'000) const {
        return SettlementSigner(key, identity, limits).sign(intent, kind, price, 50);
    }
    [[nodiscard]] bool refuses() const {
        const auto out = sign();
        return !out && out.error().code == ErrorCode::permission_denied;
    }

    PrivateKey key = contracts::key_from_hex(std::string(64, '7')).value();
    SettlementIdentity identity;
    SettlementLimits limits;
    IntentRow intent;
};

}  // namespace

TEST_CASE("the signer signs a settlement, and gives the same bytes each time") {
    const SigningDesk desk;
    const auto attempt = desk.sign();
    REQUIRE(attempt.has_value());
    CHECK(desk.sign()->raw == attempt->raw);
    const auto decoded = decode_signed(attempt->raw);
    REQUIRE(decoded.has_value());
    CHECK(decoded->tx.nonce == 7);
    CHECK(decoded->tx.chain_id == desk.identity.chain_id);
    CHECK(decoded->tx.to == desk.identity.contract);
    CHECK(decoded->tx.value == 100);
    CHECK(decoded->tx.data == desk.intent.data);
    CHECK(attempt->hash == keccak256(attempt->raw));
    CHECK(attempt->from_block == 50);
}

TEST_CASE("an empty transaction goes to the wallet itself without value or data") {
    const SigningDesk desk;
    const auto decoded = decode_signed(desk.sign(AttemptKind::noop)->raw);
    CHECK(decoded->tx.to == desk.identity.wallet);
    CHECK(decoded->tx.value == 0);
    CHECK(decoded->tx.data.empty());
    CHECK(decoded->tx.nonce == 7);
}

TEST_CASE("the signer refuses anything but a settlement within the limits") {
    SigningDesk desk;
    SECTION("another receiver") {
        desk.intent.to = filled_with<Address>(9);
        CHECK(desk.refuses());
    }
    SECTION("another call") {
        desk.intent.data = contracts::set_coordinator_call(filled_with<Address>(9));
        CHECK(desk.refuses());
    }
    SECTION("no call at all") {
        desk.intent.data.clear();
        CHECK(desk.refuses());
    }
    SECTION("a value that is not the sum of its amounts") {
        desk.intent.value_rau = 101;
        CHECK(desk.refuses());
    }
    SECTION("another id than the intent's") {
        desk.intent.pool_epoch = 31;
        CHECK(desk.refuses());
    }
    SECTION("version 2's call to a version 3 contract") {
        desk.intent.kind = IntentKind::value;
        desk.intent.data = contracts::deposit_and_settle_call({}, {});
        CHECK(desk.refuses());
    }
    SECTION("weights that carry value") {
        desk.identity.pool = PoolVersion::v2;
        desk.intent.kind = IntentKind::weights;
        desk.intent.data = contracts::deposit_and_settle_call({}, {});
        CHECK(desk.refuses());
        desk.intent.value_rau = 0;
        CHECK(desk.sign().has_value());
    }
    SECTION("a price above the cap") {
        CHECK(desk.sign(AttemptKind::pay, 2'000).has_value());
        CHECK(desk.sign(AttemptKind::pay, 2'001).error().code == ErrorCode::permission_denied);
        CHECK(desk.sign(AttemptKind::noop, 2'001).error().code == ErrorCode::permission_denied);
        CHECK(desk.sign(AttemptKind::pay, 0).error().code == ErrorCode::permission_denied);
    }
    SECTION("more gas than a block has") {
        desk.limits.block_gas_limit = 99'999;
        CHECK(desk.refuses());
    }
    SECTION("value and gas above the limit of a settlement") {
        desk.limits.max_per_settlement_rau = 100 + 100'000 * 1'000 - 1;
        CHECK(desk.refuses());
        desk.limits.max_per_settlement_rau += 1;
        CHECK(desk.sign().has_value());
    }
    SECTION("another wallet's key") {
        desk.identity.wallet = filled_with<Address>(9);
        CHECK(desk.refuses());
    }
    SECTION("an intent without a nonce") {
        desk.intent.nonce.reset();
        CHECK(desk.sign().error().code == ErrorCode::internal);
    }
}

TEST_CASE("a signer without a key has the wallet of settlement.db and refuses to sign") {
    const SigningDesk desk;
    const SettlementSigner signer(desk.identity, desk.limits);
    CHECK(signer.wallet() == desk.identity.wallet);
    const auto attempt = signer.sign(desk.intent, AttemptKind::pay, 1'000, 50);
    REQUIRE_FALSE(attempt.has_value());
    CHECK(attempt.error().code == ErrorCode::permission_denied);
}
