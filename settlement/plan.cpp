// SPDX-License-Identifier: Apache-2.0
#include "settlement/plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "contracts/gas.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "settlement/plan_parts.hpp"

namespace ioswarm::settlement {
namespace {

constexpr unsigned kWalletBits = 88;  ///< size of an entry's weight in a v3 pool
constexpr unsigned kTotalBits = 96;   ///< size of the sum of weights in one call to a v3 pool

std::string iotx(const U256& rau) {
    return rau_to_iotx(rau) + " IOTX";
}

std::string gwei(const U256& price) {
    constexpr std::uint64_t kRauPerGwei = 1'000'000'000;
    const U256 rest = price % kRauPerGwei;
    return to_decimal(price / kRauPerGwei) + (rest == 0 ? "" : fmt::format(".{:0>9}", to_decimal(rest))) +
           " Gwei";
}

bool can_be_paid(const SettlementIdentity& identity, const OwedPayout& payout) {
    return payout.wallet && why_unpayable(*payout.wallet, identity.contract).empty();
}

void add_unusable(const OwedPayout& payout, std::map<std::string, UnusableWallet>& out) {
    const auto& wallet = payout.wallet ? payout.wallet : payout.unusable_wallet;
    if (!wallet) return;
    // Payouts are sorted by epoch, so the last one has the wallet that the agent named last.
    UnusableWallet& one = out[payout.agent_id];
    one.agent_id = payout.agent_id;
    one.wallet = *wallet;
    one.amount_rau += payout.amount_rau;
}

/// The payouts that may be paid now.
struct Selection {
    std::vector<const OwedPayout*> payable;  ///< by (epoch, agent)
    std::uint64_t epochs = 0;
    U256 value_rau;
};

Result<Selection> select(const PlanInput& input, Plan& plan) {
    Selection out;
    std::map<std::string, UnusableWallet> unusable;
    for (const OwedPayout& payout : input.owed) {
        if (payout.epoch < input.identity->first_epoch) continue;
        if (input.up_to_epoch && payout.epoch > *input.up_to_epoch) continue;
        // Sums of amounts below 2^88 fit into 256 bits, however many there are.
        if ((payout.amount_rau >> kWalletBits) != 0) {
            return fail(ErrorCode::invalid_argument, "cannot plan a settlement",
                        fmt::format("epoch {}, agent {}", payout.epoch, payout.agent_id),
                        fmt::format("{} is more than a reward contract can hold for one wallet (2^88 - 1 rau)",
                                    iotx(payout.amount_rau)));
        }
        if (!can_be_paid(*input.identity, payout)) {
            add_unusable(payout, unusable);
            ++plan.unpaid_without_wallet;
            plan.unpaid_without_wallet_rau += payout.amount_rau;
            continue;
        }
        if (out.payable.empty() || out.payable.back()->epoch != payout.epoch) ++out.epochs;
        out.payable.push_back(&payout);
        out.value_rau += payout.amount_rau;
    }
    for (auto& [agent, one] : unusable)
        plan.unusable_wallets.push_back(std::move(one));
    return out;
}

/// Reasons to wait that do not depend on the transactions of the settlement.
Hold hold_before_drafting(const PlanInput& input, const Selection& selected, const Plan& plan) {
    const SettlementLimits& limits = *input.limits;
    if (selected.payable.empty()) {
        if (plan.unpaid_without_wallet == 0) return {};
        std::string detail =
            fmt::format("{} payouts of {} belong to agents that have named no wallet that can be paid",
                        plan.unpaid_without_wallet, iotx(plan.unpaid_without_wallet_rau));
        constexpr std::size_t kNamed = 5;
        for (std::size_t i = 0; i < std::min(kNamed, plan.unusable_wallets.size()); ++i)
            detail += "; " + unusable_wallet_text(plan.unusable_wallets[i], input.identity->contract);
        if (plan.unusable_wallets.size() > kNamed)
            detail +=
                fmt::format("; {} more agents named such a wallet", plan.unusable_wallets.size() - kNamed);
        return {HoldReason::no_wallets, std::move(detail)};
    }
    if (!input.up_to_epoch && selected.epochs < limits.every_epochs) {
        return {HoldReason::too_few_epochs, fmt::format("{} epochs wait, and settlement.everyEpochs is {}",
                                                        selected.epochs, limits.every_epochs)};
    }
    if (!input.up_to_epoch && selected.value_rau < limits.min_payout_rau) {
        return {HoldReason::below_min_payout,
                fmt::format("{} are owed, and settlement.minPayoutIOTX is {}", iotx(selected.value_rau),
                            iotx(limits.min_payout_rau))};
    }
    if (input.identity->pool == PoolVersion::v2_damaged && !limits.push) {
        return {HoldReason::pool_damaged,
                "the contract has the damaged code of version 2: claim() burns all gas and claimFor() pays "
                "nothing, so that only a settlement that sends the money pays anybody; set settlement.push to "
                "true, or deploy a new contract"};
    }
    if (input.identity->pool != PoolVersion::v3) {
        U256 known = 0;
        for (const auto& [wallet, weight] : input.pool.weights)
            known += weight;
        if (known != input.pool.total_weight) {
            return {
                HoldReason::pool_weights,
                fmt::format("the weights in the contract's logs add up to {}, and its totalWeight() is {}: a "
                            "wallet that is not known here would get a part of the money; check the block "
                            "at which the contract was made (settle init --pool-from-block)",
                            to_decimal(known), to_decimal(input.pool.total_weight))};
        }
    }
    return {};
}

Hold hold_for_price(const PlanInput& input, const U256& price) {
    const U256& most = input.limits->max_gas_price;
    if (price <= most) return {};
    return {HoldReason::gas_price,
            fmt::format("gas costs {}, and settlement.maxGasPriceGwei is {}", gwei(price), gwei(most))};
}

/// The largest batch of the oldest epochs that fits. Everything, if that fits.
std::optional<PayoutBatch> largest_batch(const PlanInput& input, const Selection& selected) {
    PayoutBatch all;
    for (const OwedPayout* payout : selected.payable)
        all.add(*payout);
    if (fits(input, all)) return all;
    PayoutBatch some;
    std::size_t best = 0;
    for (std::size_t i = 0; i < selected.payable.size(); ++i) {
        some.add(*selected.payable[i]);
        const bool epoch_ends =
            i + 1 == selected.payable.size() || selected.payable[i + 1]->epoch != selected.payable[i]->epoch;
        if (epoch_ends && fits(input, some)) best = i + 1;
    }
    if (best == 0) return std::nullopt;
    PayoutBatch out;
    for (std::size_t i = 0; i < best; ++i)
        out.add(*selected.payable[i]);
    return out;
}

/// Why not even the oldest epoch fits.
Hold hold_for_size(const PlanInput& input, const Selection& selected) {
    PayoutBatch all;
    for (const OwedPayout* payout : selected.payable)
        all.add(*payout);
    if (input.identity->pool != PoolVersion::v3) {
        return {HoldReason::too_large,
                fmt::format("{} wallets, and {} that must be set to 0, do not fit into one call of version 2 "
                            "with a block gas limit of {}; deploy a contract of version 3",
                            all.wallets.size(), input.pool.weights.size(), input.limits->block_gas_limit)};
    }
    const auto ids = pool_ids(input, all);
    if (!ids) {
        return {
            HoldReason::pool_epoch,
            fmt::format("the contract's lastEpoch is {}, the newest block that the ledger has counted is {}, "
                        "and the newest epoch to pay ends at block {}: no id between them is free",
                        input.pool.last_epoch, input.ledger_height, all.newest_height)};
    }
    return {HoldReason::too_large,
            fmt::format("{} wallets need {} transactions, and {} ids up to {} may be used (at most {}, one for "
                        "each block of the epochs to pay, above the contract's lastEpoch {}); the block gas "
                        "limit is {}",
                        all.wallets.size(), parts_needed_v3(input, all.wallets), ids->count, ids->newest,
                        kMaxParts, input.pool.last_epoch, input.limits->block_gas_limit)};
}

/// Checks the limits on money, which need the drafted settlement's figures.
Hold hold_for_money(const PlanInput& input, const BatchDraft& draft, const Plan& plan, const U256& price) {
    const SettlementLimits& limits = *input.limits;
    const U256 gas_rau = price * draft.expected_gas;
    // Both sides are multiplied by 100, so nothing is rounded.
    if (gas_rau * 100 > plan.value_rau * limits.max_gas_percent) {
        return {
            HoldReason::gas_share,
            fmt::format("{} gas at {} cost {}, and settlement.maxGasPercent allows {}% of {}, which is {}; it "
                        "is paid when more is owed",
                        draft.expected_gas, gwei(price), iotx(gas_rau), limits.max_gas_percent,
                        iotx(plan.value_rau), iotx(plan.value_rau * limits.max_gas_percent / 100))};
    }
    const U256 most = plan.value_rau + plan.max_gas_rau;
    const std::string parts = fmt::format("{} and at most {} for {} gas at {}", iotx(plan.value_rau),
                                          iotx(plan.max_gas_rau), draft.gas_limit, gwei(limits.max_gas_price));
    if (most > limits.max_per_settlement_rau) {
        return {
            HoldReason::over_settlement_limit,
            fmt::format("{} are {}, and settlement.maxPerSettlementIOTX is {}; raise it, or pay fewer epochs "
                        "at once (ioswarm settle --epoch N)",
                        parts, iotx(most), iotx(limits.max_per_settlement_rau))};
    }
    if (input.spent_today_rau + most > limits.max_per_day_rau) {
        return {HoldReason::over_day_limit,
                fmt::format("{} are {}, {} were spent today (UTC), and settlement.maxPerDayIOTX is {}", parts,
                            iotx(most), iotx(input.spent_today_rau), iotx(limits.max_per_day_rau))};
    }
    if (most > input.balance_rau) {
        return {HoldReason::balance,
                fmt::format("{} are {}, and the wallet {} has {}; send it the rest", parts, iotx(most),
                            to_hex0x(input.identity->wallet.view()), iotx(input.balance_rau))};
    }
    return {};
}

/// Returns an error when the contract could not store the batch.
Status check_sizes(const PayoutBatch& batch) {
    for (const auto& [wallet, amount] : batch.wallets) {
        if ((amount >> kWalletBits) == 0) continue;
        return fail(ErrorCode::invalid_argument, "cannot plan a settlement",
                    "wallet " + to_hex0x(wallet.view()),
                    iotx(amount) + " is more than a reward contract can hold for one wallet (2^88 - 1 rau)");
    }
    if ((batch.value_rau >> kTotalBits) == 0) return {};
    return fail(ErrorCode::invalid_argument, "cannot plan a settlement", {},
                iotx(batch.value_rau) + " is more than a settlement can carry (2^96 - 1 rau)");
}

}  // namespace

const char* to_string(HoldReason value) noexcept {
    switch (value) {
        case HoldReason::none:
            return "none";
        case HoldReason::too_few_epochs:
            return "too_few_epochs";
        case HoldReason::below_min_payout:
            return "below_min_payout";
        case HoldReason::no_wallets:
            return "no_wallets";
        case HoldReason::gas_price:
            return "gas_price";
        case HoldReason::gas_share:
            return "gas_share";
        case HoldReason::over_settlement_limit:
            return "over_settlement_limit";
        case HoldReason::over_day_limit:
            return "over_day_limit";
        case HoldReason::balance:
            return "balance";
        case HoldReason::pool_epoch:
            return "pool_epoch";
        case HoldReason::pool_weights:
            return "pool_weights";
        case HoldReason::pool_damaged:
            return "pool_damaged";
        case HoldReason::too_large:
            return "too_large";
        case HoldReason::simulation:
            return "simulation";
        case HoldReason::nonce_free:
            return "nonce_free";
        case HoldReason::endpoint:
            return "endpoint";
    }
    return "unknown";
}

std::string unusable_wallet_text(const UnusableWallet& one, const Address& contract) {
    return fmt::format("agent {} named {} as its wallet, which {}", one.agent_id, to_hex0x(one.wallet.view()),
                       why_unpayable(one.wallet, contract));
}

Result<Plan> make_plan(const PlanInput& input) {
    Plan plan;
    IOSWARM_TRY(const auto selected, select(input, plan));
    plan.hold = hold_before_drafting(input, selected, plan);
    // A sum of 0 is not settled by itself. The next settlement with money covers those payouts.
    if (plan.hold.reason != HoldReason::none || selected.value_rau == 0) return plan;
    const U256 price = std::max(input.gas_price, U256{contracts::kMinGasPrice});
    plan.hold = hold_for_price(input, price);
    if (plan.hold.reason != HoldReason::none) return plan;

    const auto batch = largest_batch(input, selected);
    if (!batch) {
        plan.hold = hold_for_size(input, selected);
        return plan;
    }
    if (batch->value_rau == 0) return plan;
    IOSWARM_DO(check_sizes(*batch));
    IOSWARM_TRY(auto draft, draft_batch(input, *batch));
    plan.value_rau = batch->value_rau;
    plan.max_gas_rau = input.limits->max_gas_price * draft.gas_limit;
    plan.hold = hold_for_money(input, draft, plan, price);
    if (plan.hold.reason == HoldReason::none) plan.intents = std::move(draft.intents);
    return plan;
}

}  // namespace ioswarm::settlement
