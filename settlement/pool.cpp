// SPDX-License-Identifier: Apache-2.0
#include "settlement/pool.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "contracts/artifact.hpp"
#include "contracts/revert.hpp"
#include "core/base/try.hpp"

namespace ioswarm::settlement {
namespace {

using contracts::PoolCode;
using Kind = contracts::PoolEvent::Kind;

constexpr const char* kCannotAskPool = "cannot read the reward contract";
constexpr const char* kCannotReadReceipt = "cannot read the receipt of a settlement";
constexpr std::size_t kMaxWeightedWallets = 100'000;
constexpr std::uint64_t kBlocksUntilReadAnew = 100;

/// Position and values of the two wrong bytes in version 2's damaged code. Code of this size with these bytes
/// counts as damaged, whatever metadata the compiler appended.
constexpr std::size_t kV2CodeSize = 4'025;
constexpr std::size_t kDamagedAt = 0xbb8;
constexpr std::uint8_t kDamagedBytes[] = {0x08, 0x66};

bool has_damaged_bytes(BytesView code) {
    return code.size() == kV2CodeSize &&
           std::equal(std::begin(kDamagedBytes), std::end(kDamagedBytes), code.begin() + kDamagedAt);
}

/// Whether a call succeeds. IoTeX answers a call that ran out of gas with success and no data, so a view's
/// result must also be long enough.
Result<bool> answers(contracts::ChainClient& chain, const Address& contract, const std::optional<Address>& from,
                     Bytes call, std::size_t least_bytes) {
    contracts::CallRequest request;
    request.from = from;
    request.to = contract;
    request.data = std::move(call);
    IOSWARM_TRY(const auto outcome, chain.call(request));
    return !outcome.reverted && outcome.data.size() >= least_bytes;
}

/// Whether unknown code behaves like version 2 and unlike version 3. The code cannot be compared, since each
/// compiler version makes other code from the same source.
Result<bool> behaves_like_v2(contracts::ChainClient& chain, const Address& contract) {
    contracts::CallRequest request;
    request.to = contract;
    request.data = contracts::coordinator_call();
    IOSWARM_TRY(const auto outcome, chain.call(request));
    const auto coordinator =
        outcome.reverted
            ? std::nullopt
            : std::optional<Address>(contracts::read_pool_address(outcome.data).value_or(Address{}));
    if (!coordinator || *coordinator == Address{}) return false;
    const auto total = answers(chain, contract, std::nullopt, contracts::total_weight_call(), 32);
    if (!total || !*total) return total;
    const auto agents = answers(chain, contract, std::nullopt, contracts::agents_call(*coordinator), 96);
    if (!agents || !*agents) return agents;
    const auto settles =
        answers(chain, contract, coordinator, contracts::deposit_settle_and_claim_call({}, {}, {}), 0);
    if (!settles || !*settles) return settles;
    const auto last_epoch = answers(chain, contract, std::nullopt, contracts::last_epoch_call(), 32);
    if (!last_epoch) return last_epoch;
    return !*last_epoch;
}

}  // namespace

RewardPool::RewardPool(contracts::ChainClient& chain, const SettlementIdentity& identity)
    : chain_(chain),
      identity_(identity),
      weight_logs_(identity.contract, contracts::agent_updated_topic()),
      next_log_block_(identity.pool_from_block) {}

Result<PoolVersion> RewardPool::version_at(contracts::ChainClient& chain, const Address& contract) {
    IOSWARM_TRY(const auto code, chain.code(contract));
    const PoolCode kind = contracts::classify_pool_code(code, reward_pool_code());
    switch (kind) {
        case PoolCode::v2:
            return PoolVersion::v2;
        case PoolCode::v2_damaged:
            return PoolVersion::v2_damaged;
        case PoolCode::v3:
            return PoolVersion::v3;
        case PoolCode::other: {
            if (has_damaged_bytes(code)) return PoolVersion::v2_damaged;
            IOSWARM_TRY(const auto like_v2, behaves_like_v2(chain, contract));
            if (like_v2) return PoolVersion::v2;
            break;
        }
        case PoolCode::none:
        case PoolCode::v1:
            break;
    }
    return fail(ErrorCode::failed_check, "cannot settle with this contract", to_hex0x(contract.view()),
                fmt::format("{} stands there", contracts::to_string(kind)),
                "check rewardContract, or deploy one with ioswarm deploy");
}

Result<Bytes> RewardPool::view(Bytes call, const char* name) {
    contracts::CallRequest request;
    request.from = identity_.wallet;
    request.to = identity_.contract;
    request.data = std::move(call);
    IOSWARM_TRY(auto outcome, chain_.call(request));
    if (outcome.reverted) {
        return fail(ErrorCode::bad_data, kCannotAskPool, name,
                    "the call reverts: " + contracts::revert_reason(outcome.data));
    }
    return std::move(outcome.data);
}

Result<U256> RewardPool::view_uint(Bytes call, const char* name) {
    IOSWARM_TRY(const auto data, view(std::move(call), name));
    return contracts::read_pool_uint(data);
}

Result<Address> RewardPool::coordinator() {
    IOSWARM_TRY(const auto data, view(contracts::coordinator_call(), "coordinator()"));
    return contracts::read_pool_address(data);
}

Result<contracts::EpochState> RewardPool::epoch_state(std::uint64_t pool_epoch) {
    IOSWARM_TRY(const auto data, view(contracts::epoch_state_call(pool_epoch), "epochState()"));
    return contracts::read_epoch_state(data);
}

Status RewardPool::read_weights(std::uint64_t tip) {
    while (next_log_block_ <= tip) {
        IOSWARM_TRY(const auto page, weight_logs_.forward(chain_, next_log_block_, tip));
        for (const contracts::ChainLog& log : page.logs) {
            const auto event = contracts::read_pool_event(log);
            if (!event || event->kind != Kind::agent_updated) continue;
            if (event->amount == 0) {
                weights_.erase(event->wallet);
            } else {
                weights_[event->wallet] = event->amount;
            }
            if (weights_.size() > kMaxWeightedWallets) {
                return fail(ErrorCode::resource_exhausted, kCannotAskPool, to_hex0x(identity_.contract.view()),
                            fmt::format("more than {} wallets have weight", kMaxWeightedWallets));
            }
        }
        next_log_block_ = page.last_block + 1;
    }
    return {};
}

Result<PoolFacts> RewardPool::facts() {
    PoolFacts out;
    IOSWARM_TRY(const auto tip, chain_.tip());
    out.tip = tip;
    if (identity_.pool == PoolVersion::v3) {
        IOSWARM_TRY(const auto last, view_uint(contracts::last_epoch_call(), "lastEpoch()"));
        if (last > ~std::uint64_t{0}) {
            return fail(ErrorCode::bad_data, kCannotAskPool, "lastEpoch()", "the number is absurd");
        }
        out.last_epoch = static_cast<std::uint64_t>(last);
        return out;
    }
    IOSWARM_TRY(const auto total, view_uint(contracts::total_weight_call(), "totalWeight()"));
    out.total_weight = total;
    for (;;) {
        IOSWARM_DO(read_weights(tip));
        U256 known = 0;
        for (const auto& [wallet, weight] : weights_)
            known += weight;
        const bool read_anew_lately = read_anew_at_ && tip < *read_anew_at_ + kBlocksUntilReadAnew;
        if (known == out.total_weight || read_anew_lately) break;
        read_anew_at_ = tip;
        weights_.clear();
        next_log_block_ = identity_.pool_from_block;
    }
    out.weights = weights_;
    return out;
}

Result<bool> RewardPool::weights_are(const std::map<Address, U256>& weights) {
    IOSWARM_TRY(const auto total, view_uint(contracts::total_weight_call(), "totalWeight()"));
    // The contract's total is the sum over all wallets. If it equals the sum of the wanted weights, and each of
    // these wallets has its wanted weight, no other wallet has weight.
    U256 wanted = 0;
    for (const auto& [wallet, weight] : weights)
        wanted += weight;
    if (wanted != total) return false;
    for (const auto& [wallet, weight] : weights) {
        IOSWARM_TRY(const auto data, view(contracts::agents_call(wallet), "agents()"));
        IOSWARM_TRY(const auto agent, contracts::read_pool_agent(data));
        if (agent.weight != weight) return false;
    }
    return true;
}

Result<RewardPool::Outcome> RewardPool::outcome_of(const contracts::Receipt& receipt,
                                                   const SettlementIdentity& identity,
                                                   const IntentRow& intent) {
    Outcome out;
    bool found = false;
    const Kind wanted = intent.kind == IntentKind::settle ? Kind::epoch_settled : Kind::settled;
    for (const contracts::ChainLog& log : receipt.logs) {
        if (log.address != identity.contract) continue;
        const auto event = contracts::read_pool_event(log);
        if (!event) continue;
        if (event->kind == Kind::claimed) out.claimed[event->wallet] += event->amount;
        if (event->kind == Kind::claim_failed) out.claim_failed[event->wallet] += event->amount;
        if (event->kind != wanted) continue;
        if (wanted == Kind::epoch_settled && event->epoch != intent.pool_epoch) continue;
        if (found || event->count > ~std::uint64_t{0}) {
            return fail(ErrorCode::bad_data, kCannotReadReceipt, to_hex0x(receipt.transaction.view()),
                        "its events are not those of one settlement");
        }
        found = true;
        out.amount = event->amount;
        out.wallets = static_cast<std::uint64_t>(event->count);
    }
    if (!found) {
        return fail(ErrorCode::bad_data, kCannotReadReceipt, to_hex0x(receipt.transaction.view()),
                    "the event of the settlement is missing");
    }
    // Version 2 has no event for a refused payment.
    if (const auto claimees = contracts::read_claimees(intent.data)) {
        for (const Address& wallet : *claimees) {
            if (!out.claimed.contains(wallet)) out.claim_failed.emplace(wallet, U256{0});
        }
    }
    return out;
}

}  // namespace ioswarm::settlement
