// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "settlement/payout_source.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// How much may be spent, and when. From the configuration (settlement.*).
struct SettlementLimits {
    bool push = true;
    std::uint64_t every_epochs = 1;
    U256 min_payout_rau;
    U256 max_gas_price;  ///< rau per gas
    std::uint64_t max_gas_percent = 10;
    U256 max_per_settlement_rau;  ///< value plus the most that gas can cost
    U256 max_per_day_rau;         ///< the same, over the settlements signed in one UTC day
    std::uint64_t block_gas_limit = 25'000'000;
};

/// The contract's state, read from the tip.
struct PoolFacts {
    std::uint64_t tip = 0;            ///< the block that it was read at
    std::uint64_t last_epoch = 0;     ///< v3: the newest id that was settled; 0 = none yet
    U256 total_weight;                ///< v2
    std::map<Address, U256> weights;  ///< v2: every wallet whose weight is not 0; adds up to total_weight
};

/// Why nothing is signed although something is owed. The payouts stay owed.
enum class HoldReason : std::uint8_t {
    none,
    too_few_epochs,    ///< settlement.everyEpochs not reached
    below_min_payout,  ///< settlement.minPayoutIOTX not reached
    no_wallets,        ///< all that is owed belongs to agents without a wallet
    gas_price,         ///< the chain's price is above settlement.maxGasPriceGwei
    gas_share,         ///< gas would cost more than settlement.maxGasPercent of the value
    over_settlement_limit,
    over_day_limit,
    balance,       ///< the wallet cannot pay value and gas
    pool_epoch,    ///< v3: no id between the pool's lastEpoch and the ledger's last height is free yet
    pool_weights,  ///< v2: the weights that the logs tell do not add up to totalWeight()
    pool_damaged,  ///< v2 with the damaged code and settlement.push: false
    too_large,     ///< does not fit into 32 transactions, or one v2 call into a block: pay fewer epochs
    simulation,    ///< the node says that the call would revert
    endpoint,      ///< no endpoint answers, or they disagree
};
[[nodiscard]] const char* to_string(HoldReason value) noexcept;

struct Hold {
    HoldReason reason = HoldReason::none;
    std::string detail;  ///< for people, with the figures that were compared
};

/// What a plan is made from.
struct PlanInput {
    const SettlementIdentity* identity = nullptr;
    const SettlementLimits* limits = nullptr;
    std::vector<OwedPayout> owed;  ///< not covered yet, by (epoch, agent); may hold payouts without a wallet
    std::uint64_t ledger_height = 0;
    std::optional<std::uint64_t> up_to_epoch;  ///< `settle --epoch N`: also lifts the waiting rules
    PoolFacts pool;
    std::set<Address> push_failed;  ///< wallets that refused a push before: they are credited
    U256 gas_price;                 ///< that would be paid now
    U256 balance_rau;               ///< of the settling wallet
    U256 spent_today_rau;           ///< value and gas of settlements signed today, unsettled ones at their most
};

/// One transaction to be. Of the intent everything is set that does not depend on the store: kind, pool_epoch,
/// first_epoch, last_epoch, to, value_rau, data, gas_limit, payouts_hash.
struct PlannedIntent {
    IntentRow intent;
    std::vector<CoveredPayout> payouts;  ///< empty for weights
};

/// Either intents, in the order in which they must be sent, or a reason to wait, or neither: nothing is owed.
struct Plan {
    std::vector<PlannedIntent> intents;
    Hold hold;
    U256 value_rau;    ///< of all intents
    U256 max_gas_rau;  ///< gas limits times the price cap
    std::size_t unpaid_without_wallet = 0;
    U256 unpaid_without_wallet_rau;
};

/// Decides what to pay now. A pure function: the same input gives the same bytes. Wallets are merged and
/// sorted; weights are the amounts in rau and the value is their sum, so that each wallet gets exactly its
/// amount. Error invalid_argument: an amount that no contract can carry (88 bits per wallet, 2^96 in all).
[[nodiscard]] Result<Plan> make_plan(const PlanInput& input);

}  // namespace ioswarm::settlement
