// SPDX-License-Identifier: Apache-2.0
#include "settlement/plan_parts.hpp"

#include <algorithm>
#include <utility>

#include "contracts/gas.hpp"
#include "contracts/pool_gas.hpp"
#include "contracts/reward_pool.hpp"
#include "core/base/try.hpp"

namespace ioswarm::settlement {
namespace {

/// Size of a settleEpoch call in bytes: selector, epoch, offset and length of the list, then one word per
/// entry.
constexpr std::uint64_t settle_epoch_bytes(std::uint64_t entries) {
    return 4 + 3 * 32 + 32 * entries;
}
/// Size of a depositAndSettle call: selector, two offsets, two lengths, then an address and a weight per
/// wallet.
constexpr std::uint64_t weights_bytes(std::uint64_t wallets) {
    return 4 + 4 * 32 + 64 * wallets;
}
/// Size of a depositSettleAndClaim call: selector, three offsets, three lengths (two lists are empty), then an
/// address per wallet to which money is sent.
constexpr std::uint64_t value_bytes(std::uint64_t claimees) {
    return 4 + 6 * 32 + 32 * claimees;
}

bool is_sent(const PlanInput& input, const Address& wallet) {
    return input.limits->push && !input.push_failed.contains(wallet);
}

/// The entries of one settleEpoch call: some are sent to the wallet, the others are credited to it in the
/// contract.
struct Part {
    std::vector<std::pair<Address, U256>> wallets;  ///< wallets with an amount of 0 get no entry
    std::uint64_t credited = 0;
    std::uint64_t sent = 0;

    std::uint64_t& count_of(bool is_sent) { return is_sent ? sent : credited; }
    [[nodiscard]] std::uint64_t gas_limit() const {
        const std::uint64_t bytes = settle_epoch_bytes(credited + sent);
        return std::max(contracts::settle_epoch_gas_limit(credited, sent), contracts::floor_gas(bytes));
    }
    [[nodiscard]] bool fits(std::uint64_t block_gas_limit) const {
        return gas_limit() <= block_gas_limit && settle_epoch_bytes(credited + sent) <= contracts::kMaxCallData;
    }
};

/// Fills one part after the other, in the order of the wallets. Each wallet is in exactly one part.
std::vector<Part> split(const PlanInput& input, const std::map<Address, U256>& wallets) {
    std::vector<Part> out;
    for (const auto& [wallet, amount] : wallets) {
        const std::uint64_t entries = amount == 0 ? 0 : 1;
        const bool sent = is_sent(input, wallet);
        if (!out.empty()) {
            Part& last = out.back();
            last.count_of(sent) += entries;
            if (last.fits(input.limits->block_gas_limit)) {
                last.wallets.emplace_back(wallet, amount);
                continue;
            }
            last.count_of(sent) -= entries;
        }
        Part& next = out.emplace_back();
        next.count_of(sent) += entries;
        next.wallets.emplace_back(wallet, amount);
    }
    return out;
}

IntentRow empty_intent(const PlanInput& input, const std::vector<CoveredPayout>& payouts) {
    IntentRow out;
    out.to = input.identity->contract;
    out.first_epoch = payouts.front().epoch;
    out.last_epoch = payouts.back().epoch;
    return out;
}

/// The batch's payouts to these wallets, in their order. Null = all wallets.
std::vector<CoveredPayout> payouts_to(const PayoutBatch& batch, const std::set<Address>* wallets) {
    std::vector<CoveredPayout> out;
    for (const OwedPayout* payout : batch.payouts) {
        if (wallets != nullptr && !wallets->contains(*payout->wallet)) continue;
        out.push_back({payout->epoch, payout->agent_id, *payout->wallet, payout->amount_rau});
    }
    return out;
}

Result<PlannedIntent> settle_intent(const PlanInput& input, const PayoutBatch& batch, const Part& part,
                                    std::uint64_t pool_epoch) {
    PlannedIntent out;
    std::set<Address> wallets;
    std::vector<Hash256> entries;
    U256 value = 0;
    for (const auto& [wallet, amount] : part.wallets) {
        wallets.insert(wallet);
        if (amount == 0) continue;
        IOSWARM_TRY(const auto word, contracts::entry_word({wallet, amount, is_sent(input, wallet)}));
        entries.push_back(word);
        value += amount;
    }
    out.payouts = payouts_to(batch, &wallets);
    out.intent = empty_intent(input, out.payouts);
    out.intent.kind = IntentKind::settle;
    out.intent.pool_epoch = pool_epoch;
    out.intent.value_rau = value;
    out.intent.data = contracts::settle_epoch_call(pool_epoch, entries);
    out.intent.gas_limit = part.gas_limit();
    out.intent.payouts_hash = payouts_hash(out.payouts);
    return out;
}

Result<BatchDraft> draft_v3(const PlanInput& input, const PayoutBatch& batch) {
    const auto ids = pool_ids(input, batch);
    const std::vector<Part> parts = split(input, batch.wallets);
    if (!ids || parts.size() > ids->count) {
        return fail(ErrorCode::internal, "cannot plan a settlement", {},
                    "draft_batch() was called for a batch that does not fit");
    }
    BatchDraft out;
    std::uint64_t id = ids->newest - parts.size();
    for (const Part& part : parts) {
        IOSWARM_TRY(auto intent, settle_intent(input, batch, part, ++id));
        out.gas_limit += intent.intent.gas_limit;
        out.expected_gas += contracts::settle_epoch_gas(part.credited, part.sent);
        out.intents.push_back(std::move(intent));
    }
    return out;
}

/// Version 2's first step writes these: the new weights, and 0 for every other wallet that has weight.
struct WeightChanges {
    std::vector<Address> wallets;
    std::vector<U256> weights;
};

WeightChanges weight_changes(const PlanInput& input, const PayoutBatch& batch) {
    std::map<Address, U256> all;
    for (const auto& [wallet, weight] : input.pool.weights) {
        if (weight != 0) all[wallet] = 0;
    }
    for (const auto& [wallet, amount] : batch.wallets) {
        if (amount != 0) all[wallet] = amount;
    }
    WeightChanges out;
    for (const auto& [wallet, weight] : all) {
        out.wallets.push_back(wallet);
        out.weights.push_back(weight);
    }
    return out;
}

std::vector<Address> claimees_of(const PlanInput& input, const PayoutBatch& batch) {
    std::vector<Address> out;
    for (const auto& [wallet, amount] : batch.wallets) {
        if (amount != 0 && is_sent(input, wallet)) out.push_back(wallet);
    }
    return out;
}

std::uint64_t v2_limit(std::uint64_t wallets, std::uint64_t claimees, std::uint64_t bytes) {
    return std::max(contracts::v2_gas_limit(wallets, claimees), contracts::floor_gas(bytes));
}

bool fits_v2(const PlanInput& input, const PayoutBatch& batch) {
    const std::uint64_t wallets = weight_changes(input, batch).wallets.size();
    const std::uint64_t claimees = claimees_of(input, batch).size();
    const std::uint64_t block = input.limits->block_gas_limit;
    return v2_limit(wallets, 0, weights_bytes(wallets)) <= block &&
           v2_limit(0, claimees, value_bytes(claimees)) <= block &&
           weights_bytes(wallets) <= contracts::kMaxCallData &&
           value_bytes(claimees) <= contracts::kMaxCallData;
}

BatchDraft draft_v2(const PlanInput& input, const PayoutBatch& batch) {
    const WeightChanges changes = weight_changes(input, batch);
    const std::vector<Address> claimees = claimees_of(input, batch);
    BatchDraft out;
    PlannedIntent value;
    value.payouts = payouts_to(batch, nullptr);
    value.intent = empty_intent(input, value.payouts);
    PlannedIntent weights;
    weights.intent = value.intent;

    weights.intent.kind = IntentKind::weights;
    weights.intent.data = contracts::deposit_and_settle_call(changes.wallets, changes.weights);
    weights.intent.gas_limit = v2_limit(changes.wallets.size(), 0, weights.intent.data.size());

    value.intent.kind = IntentKind::value;
    value.intent.value_rau = batch.value_rau;
    value.intent.data = claimees.empty() ? contracts::deposit_and_settle_call({}, {})
                                         : contracts::deposit_settle_and_claim_call({}, {}, claimees);
    value.intent.gas_limit = v2_limit(0, claimees.size(), value.intent.data.size());
    value.intent.payouts_hash = payouts_hash(value.payouts);

    out.gas_limit = weights.intent.gas_limit + value.intent.gas_limit;
    out.expected_gas =
        contracts::v2_weights_gas(changes.wallets.size()) + contracts::v2_value_gas(claimees.size());
    out.intents.push_back(std::move(weights));
    out.intents.push_back(std::move(value));
    return out;
}

}  // namespace

void PayoutBatch::add(const OwedPayout& payout) {
    if (payouts.empty() || payouts.back()->epoch != payout.epoch) {
        ++epochs;
        blocks += payout.last_height < payout.first_height ? 0 : payout.last_height - payout.first_height + 1;
        newest_height = std::max(newest_height, payout.last_height);
    }
    payouts.push_back(&payout);
    wallets[*payout.wallet] += payout.amount_rau;
    value_rau += payout.amount_rau;
}

std::optional<PoolIds> pool_ids(const PlanInput& input, const PayoutBatch& batch) {
    PoolIds out;
    out.newest = batch.newest_height;
    // All epochs of the batch are older than the contract's last id, because an agent named its wallet late.
    // Then ids up to the ledger's height are used.
    if (out.newest <= input.pool.last_epoch) out.newest = input.ledger_height;
    if (out.newest <= input.pool.last_epoch || out.newest > input.ledger_height) return std::nullopt;
    out.count =
        std::min({kMaxParts, out.newest - input.pool.last_epoch, std::max<std::uint64_t>(batch.blocks, 1)});
    return out;
}

std::uint64_t parts_needed_v3(const PlanInput& input, const std::map<Address, U256>& wallets) {
    return split(input, wallets).size();
}

bool fits(const PlanInput& input, const PayoutBatch& batch) {
    if (input.identity->pool != PoolVersion::v3) return fits_v2(input, batch);
    const auto ids = pool_ids(input, batch);
    if (!ids) return false;
    const std::vector<Part> parts = split(input, batch.wallets);
    return parts.size() <= ids->count && std::ranges::all_of(parts, [&](const Part& part) {
               return part.fits(input.limits->block_gas_limit);
           });
}

Result<BatchDraft> draft_batch(const PlanInput& input, const PayoutBatch& batch) {
    if (input.identity->pool != PoolVersion::v3) return draft_v2(input, batch);
    return draft_v3(input, batch);
}

}  // namespace ioswarm::settlement
