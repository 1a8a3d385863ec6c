// SPDX-License-Identifier: Apache-2.0
// Plans the transactions of the embedded chain. Each plan draws from the slot's random stream.
//
// Most transactions are independent. Two kinds of scenes need several transactions. They lock their account, so
// that no other transaction comes in between.
//   replaced:      a transfer, and one slot later another transfer with the same nonce that pays more and
//                  replaces it.
//   unaffordable:  Either the same, with a second transfer queued behind the first; the replacement then spends
//                  what the second one needed. Or a candidate's registration (its fee is not counted by the
//                  pool) and behind it a transfer of everything that is left: after the registration is mined,
//                  the transfer cannot be paid.
#include "core/sim/chain_model.hpp"

#include <algorithm>

#include "core/sim/contract_code.hpp"

namespace ioswarm::sim {

namespace {

// The real chain's figures; kGasPerByte is per byte of payload or calldata.
constexpr std::uint64_t kIntrinsicGas = 10'000;
constexpr std::uint64_t kGasPerByte = 100;
constexpr std::uint64_t kMilliIotx = kRauPerIotx / 1000;
constexpr std::uint64_t kSelfStakeIotx = 1'200'000;  // the real chain's minimum for a candidate
constexpr std::uint32_t kTries = 8;                  // number of accounts tried before an arrival is skipped

}  // namespace

void ChainModel::choose_encoding(TxPlan& plan) {
    const std::uint32_t dice = random_.below(100);
    if (dice < 35) return;
    plan.encoding = dice < 75 ? TxEncoding::ethereum : TxEncoding::container;
    const std::uint32_t type = random_.below(100);
    plan.tx_type = static_cast<std::uint8_t>(type < 60 ? 0 : type < 70 ? 1 : 2);
}

void ChainModel::choose_fees(TxPlan& plan) {
    // From 1000 to 1199 Gwei.
    plan.fee_cap_rau = kBaseFeeRau + kBaseFeeRau / 1000 * random_.below(200);
    if (plan.tx_type == 2) plan.tip_cap_rau = kBaseFeeRau / 1000 * random_.below(100);
}

TxPlan ChainModel::make(std::uint32_t sender, TxKind kind) {
    TxPlan plan;
    plan.sender = sender;
    plan.nonce = accounts_[sender].state.nonce + accounts_[sender].pending;
    plan.kind = kind;
    choose_encoding(plan);
    choose_fees(plan);
    plan.slot = height_;
    const std::uint32_t dice = random_.below(100);
    plan.ready_height = height_ + 2 + (dice < 80 ? 0 : dice < 95 ? 1 : 2);
    plan.gas_used = kIntrinsicGas;
    plan.gas_limit = kIntrinsicGas + std::uint64_t{1000} * random_.below(20);
    return plan;
}

TxPlan ChainModel::make_transfer(std::uint32_t sender, const U256& value) {
    TxPlan plan = make(sender, TxKind::transfer);
    plan.target = pick_receiver(sender);
    plan.value_rau = value;
    if (random_.below(10) == 0) {
        plan.argument = random_.next() | 1;  // a payload of eight bytes
        plan.gas_used += 8 * kGasPerByte;
        plan.gas_limit += 8 * kGasPerByte;
    }
    return plan;
}

TxPlan ChainModel::make_call(std::uint32_t sender, bool reverts) {
    TxPlan plan = make(sender, TxKind::call);
    plan.target = pick_contract();
    // The contract reverts on an odd word. The word contains the id, so no word is ever written twice.
    plan.argument = next_id_ << 25 | std::uint64_t{random_.below(1U << 24)} << 1 | (reverts ? 1U : 0U);
    plan.gas_used += kCallDataBytes * kGasPerByte + (reverts ? kRevertedCallGas : kCallGas);
    plan.gas_limit += 20'000;
    if (reverts) plan.status = 106;
    if (random_.below(10) == 0) plan.value_rau = U256(kMilliIotx) * (1 + random_.below(100));
    return plan;
}

TxPlan ChainModel::make_staking(std::uint32_t sender) {
    const std::uint64_t bucket = accounts_[sender].bucket;
    if (bucket != 0 && random_.below(2) == 0) {
        TxPlan plan = make(sender, TxKind::stake_add_deposit);
        plan.argument = bucket;
        plan.value_rau = U256(kMilliIotx) * (1000 + random_.below(9000));
        return plan;
    }
    TxPlan plan = make(sender, TxKind::stake_create);
    plan.argument = random_.below(kCandidates);
    plan.value_rau = U256(kRauPerIotx) * 100;  // the minimum that the chain accepts
    return plan;
}

TxPlan ChainModel::make_staking_error(std::uint32_t sender) {
    const std::uint32_t dice = random_.below(3);
    if (dice == 0) {
        TxPlan plan = make(sender, TxKind::stake_create);
        plan.argument = kCandidates;
        plan.value_rau = U256(kRauPerIotx) * 100;
        plan.status = 205;  // no such candidate
        return plan;
    }
    if (dice == 1 && accounts_[last_bucket_owner_].bucket != 0 && last_bucket_owner_ != sender) {
        TxPlan plan = make(sender, TxKind::stake_unstake);
        plan.argument = accounts_[last_bucket_owner_].bucket;
        plan.status = 203;  // a bucket of another owner
        return plan;
    }
    TxPlan plan = make(sender, TxKind::stake_add_deposit);
    plan.argument = 1'000'000'000 + random_.below(1'000'000);
    plan.value_rau = U256(kMilliIotx) * (1000 + random_.below(9000));
    plan.status = 202;  // no such bucket
    return plan;
}

std::optional<std::uint32_t> ChainModel::pick_sender() {
    const std::uint32_t start = random_.below(settings_.accounts);
    for (std::uint32_t i = 0; i < kTries; ++i) {
        const std::uint32_t index = (start + i) % settings_.accounts;
        const Account& account = accounts_[index];
        if (!account.locked && account.pending < kMaxPendingPerAccount &&
            account.pending_cost_rau + U256(kRauPerIotx) * 200 <= account.state.balance_rau) {
            return index;
        }
    }
    return std::nullopt;
}

std::uint32_t ChainModel::pick_receiver(std::uint32_t sender) {
    const std::uint32_t start = random_.below(settings_.accounts);
    for (std::uint32_t i = 0; i < kTries; ++i) {
        const std::uint32_t index = (start + i) % settings_.accounts;
        if (index != sender && !accounts_[index].locked) return index;
    }
    return treasury();
}

std::uint32_t ChainModel::pick_contract() {
    const auto made = static_cast<std::uint32_t>(std::min<std::size_t>(created_.size(), 64));
    const std::uint32_t dice = random_.below(kGenesisContracts + made);
    if (dice < kGenesisContracts) return first_contract() + dice;
    return created_[created_.size() - 1 - (dice - kGenesisContracts)].account;
}

bool ChainModel::next_moment_free() const {
    return arrived_ < slot_arrivals_ && !planned_.contains(Moment{height_, arrived_});
}

void ChainModel::plan_new() {
    const std::optional<std::uint32_t> sender = pick_sender();
    std::uint32_t dice = random_.below(1000);
    if (!sender) return;
    if (settings_.accounts < kAccountsForScenes) {
        // With so few accounts, locking some would leave nobody to send to.
    } else if (dice < shares_.replaced) {
        if (plan_replacement(*sender)) return;
    } else if (dice < shares_.replaced + shares_.unaffordable) {
        if (plan_unaffordable(*sender)) return;
    }
    plan_other(*sender, dice);
}

void ChainModel::plan_other(std::uint32_t sender, std::uint32_t dice) {
    std::uint32_t below = shares_.replaced + shares_.unaffordable;
    const auto within = [&](std::uint32_t share) {
        const bool from = dice >= below;
        below += share;
        return from && dice < below;
    };
    if (within(shares_.reverted)) {
        (void)add(make_call(sender, true));
    } else if (within(shares_.transfer_to_contract)) {
        TxPlan plan = make_transfer(sender, U256(kMilliIotx) * (1 + random_.below(1000)));
        plan.encoding = TxEncoding::native;  // over web3 it would be a call
        plan.tx_type = 0;
        plan.tip_cap_rau = 0;
        plan.target = pick_contract();
        plan.status = 0;
        (void)add(plan);
    } else if (within(shares_.staking_error)) {
        (void)add(make_staking_error(sender));
    } else if (within(shares_.staking)) {
        (void)add(make_staking(sender));
    } else if (within(shares_.creation)) {
        TxPlan plan = make(sender, TxKind::creation);
        plan.argument = random_.next();
        plan.gas_used += kCreationDataBytes * kGasPerByte + kCreationGas;
        plan.gas_limit += 40'000;
        (void)add(plan);
    } else if (within(shares_.call)) {
        (void)add(make_call(sender, false));
    } else {
        (void)add(make_transfer(sender, U256(kMilliIotx) * (1 + random_.below(10'000))));
    }
}

bool ChainModel::plan_replacement(std::uint32_t sender) {
    if (!add(make_transfer(sender, U256(kMilliIotx) * (1 + random_.below(1000))))) return false;
    Account& account = accounts_[sender];
    account.locked = true;
    account.scene = {next_id_ - 1, 0};
    planned_.emplace(Moment{height_ + 1, arrived_ - 1}, Event{Event::What::replace, sender});
    return true;
}

bool ChainModel::plan_unaffordable(std::uint32_t sender) {
    Account& account = accounts_[sender];
    // Transfers that arrive meanwhile must not pay for the transaction that is to be unaffordable.
    const bool registers = random_.below(2) == 0 && !account.candidate && account.incoming == 0;
    if (!next_moment_free() || available(account) < U256(kRauPerIotx) * 2 * kSelfStakeIotx) return false;
    const Moment next{height_, arrived_};
    if (registers) {
        TxPlan plan = make(sender, TxKind::candidate_register);
        plan.encoding = TxEncoding::native;
        plan.tx_type = 0;
        plan.tip_cap_rau = 0;
        plan.value_rau = U256(kRauPerIotx) * kSelfStakeIotx;
        if (!add(plan)) return false;
        account.candidate = true;
        planned_.emplace(next, Event{Event::What::spend_rest, sender});
    } else {
        if (!add(make_transfer(sender, U256(kMilliIotx)))) return false;
        account.scene = {next_id_ - 1, 0};
        planned_.emplace(next, Event{Event::What::follow, sender});
        planned_.emplace(Moment{height_ + 1, arrived_ - 1}, Event{Event::What::replace_and_spend, sender});
    }
    account.locked = true;
    return true;
}

U256 ChainModel::available(const Account& account) {
    return account.state.balance_rau - account.pending_cost_rau;
}

void ChainModel::perform(const Event& event) {
    Account& account = accounts_[event.account];
    if (event.what == Event::What::follow) {
        if (add(make_transfer(event.account, available(account) / 10 * 6))) account.scene[1] = next_id_ - 1;
        return;
    }
    if (event.what == Event::What::spend_rest) {
        TxPlan plan = make_transfer(event.account, 0);
        plan.value_rau = available(account) - plan.cost_rau();
        plan.ready_height = height_ + 2;  // considered as soon as the registration is mined
        (void)add(plan);
        return;
    }
    // Removed in reverse order, so that the replacement gets the nonce of the first.
    std::optional<TxPlan> second;
    if (account.scene[1] != 0) second = remove(pool_.find(account.scene[1]));
    const TxPlan first = remove(pool_.find(account.scene[0]));
    TxPlan better = make_transfer(event.account, U256(kMilliIotx));
    // 12.5% more, which is enough for every pool.
    better.fee_cap_rau = first.fee_cap_rau + first.fee_cap_rau / 8;
    if (second) {
        better.value_rau = 0;
        better.value_rau = available(account) - second->cost_rau() / 2 - better.cost_rau();
        leaving_.unaffordable.push_back(std::move(*second));
    }
    leaving_.replaced.push_back(first);
    account.locked = false;
    (void)add(better);
}

}  // namespace ioswarm::sim
