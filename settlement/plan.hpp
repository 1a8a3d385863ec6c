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
    U256 max_per_settlement_rau;  ///< value plus the highest possible gas cost
    U256 max_per_day_rau;         ///< the same for all settlements signed in one UTC day
    std::uint64_t block_gas_limit = 25'000'000;
};

/// The contract's state, read at the tip.
struct PoolFacts {
    std::uint64_t tip = 0;         ///< the block at which the state was read
    std::uint64_t last_epoch = 0;  ///< v3: the newest id that was settled; 0 = none yet
    U256 total_weight;             ///< v2
    /// v2: all wallets whose weight is not 0. The weights add up to total_weight.
    std::map<Address, U256> weights;
};

/// Why nothing is signed although something is owed. The payouts stay owed.
enum class HoldReason : std::uint8_t {
    none,
    too_few_epochs,    ///< settlement.everyEpochs is not reached
    below_min_payout,  ///< settlement.minPayoutIOTX is not reached
    no_wallets,        ///< everything owed belongs to agents without a wallet
    gas_price,         ///< the chain's price is above settlement.maxGasPriceGwei
    gas_share,         ///< gas would cost more than settlement.maxGasPercent of the value
    over_settlement_limit,
    over_day_limit,
    balance,       ///< the wallet cannot pay value and gas
    pool_epoch,    ///< v3: no free id between the pool's lastEpoch and the ledger's last height yet
    pool_weights,  ///< v2: the weights in the logs do not add up to totalWeight()
    pool_damaged,  ///< v2 with the damaged code, and settlement.push is false
    /// Does not fit into 32 transactions, or one v2 call does not fit into a block: pay fewer epochs.
    too_large,
    simulation,  ///< the node says that the call would revert
    /// A nonce that others had used, and that comes before those of this file, is free: after a reorganisation.
    nonce_free,
    /// The endpoints give no certain answer: none answers, they contradict each other, blocks are still
    /// searched, or it is not certain yet who used a nonce.
    endpoint,
};
[[nodiscard]] const char* to_string(HoldReason value) noexcept;

/// A reason to wait, which ends by itself or by an operator's action.
struct Hold {
    HoldReason reason = HoldReason::none;
    std::string detail;  ///< for people, with the compared figures
};

/// The input of make_plan().
struct PlanInput {
    const SettlementIdentity* identity = nullptr;
    const SettlementLimits* limits = nullptr;
    std::vector<OwedPayout> owed;  ///< not covered yet, by (epoch, agent); may include payouts without a wallet
    std::uint64_t ledger_height = 0;
    /// `settle --epoch N`: pay up to this epoch, without the rules that wait for more to be owed
    std::optional<std::uint64_t> up_to_epoch;
    PoolFacts pool;
    std::set<Address> push_failed;  ///< wallets that refused a push before: they are credited instead
    U256 gas_price;                 ///< the price that would be paid now
    U256 balance_rau;               ///< balance of the settling wallet
    /// Value and gas of settlements signed today; live ones count with their highest possible cost.
    U256 spent_today_rau;
};

/// One planned transaction. The fields of the intent that do not depend on the store are set: kind, pool_epoch,
/// first_epoch, last_epoch, to, value_rau, data, gas_limit, payouts_hash.
struct PlannedIntent {
    IntentRow intent;
    std::vector<CoveredPayout> payouts;  ///< empty for weights
};

/// An agent whose wallet can never be paid, see use_payable_wallets().
struct UnusableWallet {
    std::string agent_id;
    Address wallet;
    U256 amount_rau;  ///< kept for the agent
    bool operator==(const UnusableWallet&) const = default;
};
/// For example "agent a named 0x… as its wallet, which is the zero address, which belongs to nobody".
[[nodiscard]] std::string unusable_wallet_text(const UnusableWallet& one, const Address& contract);

/// Has intents in the order in which they must be sent, or a reason to wait. Neither means that nothing is
/// owed.
struct Plan {
    std::vector<PlannedIntent> intents;
    Hold hold;
    U256 value_rau;    ///< sum over all intents
    U256 max_gas_rau;  ///< sum of gas limits times the price cap
    std::size_t unpaid_without_wallet = 0;
    U256 unpaid_without_wallet_rau;
    std::vector<UnusableWallet> unusable_wallets;  ///< of agents among those; by agent, each agent once
};

/// Decides what to pay now. A pure function: the same input gives the same bytes. Wallets are merged and
/// sorted. Weights are the amounts in rau and the value is their sum, so that each wallet gets exactly its
/// amount. Error invalid_argument: an amount that no contract can store (88 bits per wallet, 2^96 in total).
[[nodiscard]] Result<Plan> make_plan(const PlanInput& input);

}  // namespace ioswarm::settlement
