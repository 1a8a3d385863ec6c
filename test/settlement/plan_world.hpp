// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "contracts/abi.hpp"
#include "contracts/gas.hpp"
#include "contracts/reward_pool.hpp"
#include "settlement/plan.hpp"

namespace ioswarm::settlement::test {

inline const U256 kIotx{1'000'000'000'000'000'000ULL};

/// Wallet number `n`. Numbers and addresses have the same order.
[[nodiscard]] inline Address wallet_number(std::uint64_t n) {
    Address out;
    out.bytes[0] = 0x10;
    for (std::size_t i = 0; i < 8; ++i)
        out.bytes[19 - i] = static_cast<std::uint8_t>(n >> (8 * i));
    return out;
}

/// The input of a plan: a v3 pool that has settled nothing, limits that never apply, a chain at its lowest
/// price. Epoch e covers the blocks 10·e+1 to 10·e+10.
struct PlanWorld {
    SettlementIdentity identity;
    SettlementLimits limits;
    PlanInput input;

    explicit PlanWorld(PoolVersion version = PoolVersion::v3) {
        identity.chain_id = 4690;
        identity.pool = version;
        identity.contract.bytes.fill(0xcc);
        identity.wallet.bytes.fill(0xee);
        limits.max_gas_price = U256{2'000'000'000'000ULL};
        limits.max_gas_percent = ~std::uint64_t{0};
        limits.max_per_settlement_rau = kIotx * 1'000'000'000;
        limits.max_per_day_rau = limits.max_per_settlement_rau;
        input.gas_price = contracts::kMinGasPrice;
        input.balance_rau = limits.max_per_settlement_rau;
        input.ledger_height = 1'000'000;
    }

    PlanWorld& owe(std::uint64_t epoch, const std::string& agent, std::optional<Address> to, const U256& rau) {
        OwedPayout payout;
        payout.epoch = epoch;
        payout.first_height = 10 * epoch + 1;
        payout.last_height = 10 * epoch + 10;
        payout.agent_id = agent;
        payout.wallet = to;
        payout.amount_rau = rau;
        input.owed.push_back(std::move(payout));
        return *this;
    }
    /// Adds `count` agents to one epoch, each with its own wallet and 1 IOTX.
    PlanWorld& owe_many(std::uint64_t epoch, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            std::string name = std::to_string(i);
            name.insert(0, 8 - name.size(), '0');
            owe(epoch, name, wallet_number(i), kIotx);
        }
        return *this;
    }
    [[nodiscard]] Plan plan() {
        input.identity = &identity;
        input.limits = &limits;
        auto made = make_plan(input);
        REQUIRE(made);
        return std::move(*made);
    }
};

/// The amount per wallet by the rules of version 3: shares are differences of rounded running sums.
struct SettleEpochRun {
    std::uint64_t epoch = 0;
    std::map<Address, U256> credited;
    std::map<Address, U256> sent;
};
[[nodiscard]] inline SettleEpochRun run_settle_epoch(const IntentRow& intent) {
    const Bytes& data = intent.data;
    const auto selector = contracts::abi::selector("settleEpoch(uint64,bytes32[])");
    REQUIRE(std::equal(selector.begin(), selector.end(), data.begin()));
    contracts::abi::Reader reader(BytesView(data).subspan(4));
    SettleEpochRun out;
    out.epoch = reader.uint64().value();
    const auto entries = reader.words(10'000).value();
    const auto weight_of = [](const Hash256& entry) {
        return u256_from_big_endian(entry.view().subspan(21)).value();
    };
    U256 total = 0;
    for (const Hash256& entry : entries)
        total += weight_of(entry);
    REQUIRE((total >> 96) == 0);
    U256 so_far = 0;
    U256 paid = 0;
    for (const Hash256& entry : entries) {
        so_far += weight_of(entry);
        const U256 reached = intent.value_rau * so_far / total;
        const Address wallet = Address::from(entry.view().subspan(0, 20)).value();
        REQUIRE((entry.bytes[20] == 0 || entry.bytes[20] == 1));
        REQUIRE(wallet != Address{});
        REQUIRE(wallet != intent.to);
        (entry.bytes[20] == 1 ? out.sent : out.credited)[wallet] += reached - paid;
        paid = reached;
    }
    return out;
}

}  // namespace ioswarm::settlement::test
