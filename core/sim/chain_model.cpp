// SPDX-License-Identifier: Apache-2.0
// Slots, blocks and state of the chain model. chain_plans.cpp makes the transactions.
#include "core/sim/chain_model.hpp"

#include <algorithm>
#include <iterator>

#include "core/sim/contract_code.hpp"

namespace ioswarm::sim {

namespace {

constexpr std::uint32_t kCreatedKept = 8192;
constexpr std::uint64_t kGenesisBalanceIotx = 1'000'000'000;  // enough for years of fees and stakes

/// A new contract starts with nonce 1 (EIP-161).
ModelAccount new_contract() {
    return {0, 1, kFirstWord, true};
}

}  // namespace

std::uint64_t TxPlan::gas_price_paid_rau() const noexcept {
    if (tx_type != 2) return fee_cap_rau;
    return std::min(fee_cap_rau, kBaseFeeRau + tip_cap_rau);
}

ChainModel::ChainModel(const ChainSettings& settings)
    : settings_(settings),
      shares_(shares_of(settings.seed)),
      accounts_(settings.accounts + 1U + kGenesisContracts + kCreatedKept) {
    for (std::uint32_t i = 0; i < first_contract() + kGenesisContracts; ++i)
        accounts_[i].state = genesis_account(i);
    begin_slot();
}

ModelAccount ChainModel::genesis_account(std::uint32_t index) const {
    if (index < first_contract()) return {U256(kGenesisBalanceIotx) * kRauPerIotx, 0, 0, false};
    if (index < first_contract() + kGenesisContracts) return new_contract();
    return {};
}

void ChainModel::begin_slot() {
    const std::uint64_t slot = height_;
    random_ = Random(settings_.seed, slot);
    arrived_ = 0;
    slot_arrivals_ = 0;
    if (slot >= kQuietSlots && (settings_.last_slot == 0 || slot <= settings_.last_slot)) {
        // tps · block_time need not be a whole number; the fractions add up over the slots.
        const auto millis = static_cast<std::uint64_t>(settings_.block_time.count());
        const std::uint64_t thousandths = settings_.tps * millis;
        slot_arrivals_ =
            static_cast<std::uint32_t>((slot + 1) * thousandths / 1000 - slot * thousandths / 1000);
    }
    // Transactions that an earlier slot planned for this one still arrive, even if the slot would be too short.
    const auto next = planned_.lower_bound(Moment{slot + 1, 0});
    if (next != planned_.begin()) {
        const Moment last = std::prev(next)->first;
        if (last.first == slot) slot_arrivals_ = std::max(slot_arrivals_, last.second + 1);
    }
}

void ChainModel::arrive() {
    const Moment moment{height_, arrived_++};
    const auto event = planned_.find(moment);
    if (event == planned_.end()) {
        if (settings_.last_slot == 0 || height_ <= settings_.last_slot) plan_new();
        return;
    }
    const Event what = event->second;
    planned_.erase(event);
    perform(what);
}

bool ChainModel::add(TxPlan plan) {
    Account& sender = accounts_[plan.sender];
    const U256 cost = plan.cost_rau();
    if (sender.pending_cost_rau + cost > sender.state.balance_rau) return false;
    plan.id = next_id_++;
    sender.pending_cost_rau += cost;
    ++sender.pending;
    if (plan.kind == TxKind::transfer) ++accounts_[plan.target].incoming;
    pool_.emplace_hint(pool_.end(), plan.id, plan);
    return true;
}

TxPlan ChainModel::remove(std::map<std::uint64_t, TxPlan>::iterator at) {
    TxPlan plan = std::move(at->second);
    pool_.erase(at);
    Account& sender = accounts_[plan.sender];
    sender.pending_cost_rau -= plan.cost_rau();
    --sender.pending;
    if (plan.kind == TxKind::transfer) --accounts_[plan.target].incoming;
    return plan;
}

ModelBlock ChainModel::close_slot() {
    while (arrived_ < slot_arrivals_)
        arrive();
    ++height_;
    ModelBlock block = std::exchange(leaving_, ModelBlock{});
    block.height = height_;
    undo_.emplace_back();
    if (undo_.size() >= kHeightsHeld) undo_.pop_front();

    for (auto at = pool_.begin(); at != pool_.end();) {
        const auto here = at++;
        const TxPlan& plan = here->second;
        Account& sender = accounts_[plan.sender];
        if (plan.ready_height > height_ || plan.nonce != sender.state.nonce) continue;
        if (plan.cost_rau() > sender.state.balance_rau) {
            // This only happens at the end of a planned scene.
            sender.locked = false;
            block.unaffordable.push_back(remove(here));
            continue;
        }
        block.mined.push_back(remove(here));
        execute(block.mined.back(), block);
    }
    begin_slot();
    return block;
}

ChainModel::Account& ChainModel::touch(std::uint32_t index) {
    Account& account = accounts_[index];
    if (account.touched != height_) {
        account.touched = height_;
        undo_.back().emplace_back(index, account.state);
    }
    return account;
}

void ChainModel::execute(const TxPlan& plan, ModelBlock& block) {
    Account& sender = touch(plan.sender);
    ++sender.state.nonce;
    sender.state.balance_rau -= U256(plan.gas_used * plan.gas_price_paid_rau());
    if (plan.status != 1) return;
    sender.state.balance_rau -= plan.value_rau;
    switch (plan.kind) {
        case TxKind::transfer:
            touch(plan.target).state.balance_rau += plan.value_rau;
            break;
        case TxKind::call: {
            ModelAccount& contract = touch(plan.target).state;
            contract.balance_rau += plan.value_rau;
            contract.word = plan.argument;
            break;
        }
        case TxKind::creation: {
            const std::uint32_t index = first_contract() + kGenesisContracts + next_created_;
            next_created_ = (next_created_ + 1) % kCreatedKept;
            if (created_.size() == kCreatedKept) {
                block.forgotten.push_back({created_.front(), accounts_[index].state});
                created_.pop_front();
                accounts_[index].state = {};
            }
            touch(index).state = new_contract();
            created_.push_back({index, plan.sender, plan.nonce});
            block.created.push_back(created_.back());
            break;
        }
        case TxKind::stake_create:
            sender.bucket = ++buckets_;
            last_bucket_owner_ = plan.sender;
            break;
        case TxKind::candidate_register:
            sender.state.balance_rau -= U256(kRegistrationFeeIotx) * kRauPerIotx;
            break;
        case TxKind::stake_add_deposit:
        case TxKind::stake_unstake:
            break;
    }
}

bool ChainModel::holds(std::uint64_t at) const noexcept {
    return at <= height_ && height_ - at < kHeightsHeld;
}

std::vector<AccountChange> ChainModel::last_changes() const {
    std::vector<AccountChange> out;
    if (undo_.empty()) return out;
    out.reserve(undo_.back().size());
    for (const auto& [index, before] : undo_.back())
        out.push_back({index, before, accounts_[index].state});
    return out;
}

ModelAccount ChainModel::account(std::uint32_t index, std::uint64_t at) const {
    // The oldest undo record after `at` that names the account holds its state at `at`.
    for (std::uint64_t block = at + 1; block <= height_; ++block) {
        const auto& undo = undo_[undo_.size() - static_cast<std::size_t>(height_ - block) - 1];
        const auto found =
            std::find_if(undo.begin(), undo.end(), [&](const auto& entry) { return entry.first == index; });
        if (found != undo.end()) return found->second;
    }
    return accounts_[index].state;
}

}  // namespace ioswarm::sim
