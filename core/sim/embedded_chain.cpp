// SPDX-License-Identifier: Apache-2.0
#include "core/sim/embedded_chain.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "core/base/guarded.hpp"
#include "core/base/try.hpp"
#include "core/sim/contract_code.hpp"

namespace ioswarm::sim {

namespace {

constexpr std::size_t kBlocksKept = 1000;
constexpr std::size_t kTransactionsKept = 200'000;
constexpr std::size_t kActionsPerThread = 100;  // about 10 ms of signing; a thread is not worth it for less
constexpr std::size_t kMaxHelpers = 3;
constexpr std::uint64_t kBlocksBetweenReplayLogs = 1'000'000;

}  // namespace

Result<std::unique_ptr<EmbeddedChain>> EmbeddedChain::create(const ChainSettings& settings, const Clock& clock,
                                                             Log log, SignedAhead signed_ahead) {
    IOSWARM_DO(check(settings));
    std::unique_ptr<EmbeddedChain> chain(
        new EmbeddedChain(settings, clock, std::move(log), std::move(signed_ahead)));
    return chain;
}

EmbeddedChain::EmbeddedChain(const ChainSettings& settings, const Clock& clock, Log log,
                             SignedAhead signed_ahead)
    : settings_(settings),
      clock_(clock),
      log_(std::move(log)),
      signed_ahead_(std::move(signed_ahead)),
      maker_(settings),
      code_(std::make_shared<const evm::Code>(kContractCode)),
      model_(settings) {
    std::uint32_t number = 0;
    for (const Address& address : maker_.addresses())
        index_.emplace(address, number++);
    replay(settings.resume_height);
    slot_start_ = clock_.steady() + settings.start_pause;
    tip_time_ = clock_.wall() + settings.start_pause;
    if (settings.start_held) held_since_ = clock_.steady();
}

void EmbeddedChain::replay(std::uint64_t height) {
    const Clock::Wall now = clock_.wall();
    while (model_.height() < height) {
        ModelBlock block = model_.close_slot();
        const std::uint64_t back = height - block.height;
        if (back == kBlocksKept - 1) {
            // No addresses from before that are ever asked for.
            for (const CreatedContract& contract : model_.created())
                know(contract);
        }
        if (back < kBlocksKept) {
            // The time it would have if it had been made on time.
            store(std::move(block), now - settings_.block_time * static_cast<std::int64_t>(back));
        }
        if (model_.height() % kBlocksBetweenReplayLogs == 0) {
            log_.info("embedded chain: replayed to height {} of {}", model_.height(), height);
        }
    }
}

void EmbeddedChain::know(const CreatedContract& contract) {
    const Address address = maker_.created_address(contract);
    if (const auto old = created_.find(contract.account); old != created_.end()) index_.erase(old->second);
    created_[contract.account] = address;
    index_[address] = contract.account;
}

void EmbeddedChain::store(ModelBlock block, Clock::Wall time) {
    for (const CreatedContract& contract : block.created)
        know(contract);
    StoredBlock& stored = blocks_.emplace_back();
    stored.height = block.height;
    stored.time = time;
    stored.changes = changes_of(block);
    stored.transactions = block.mined.size();
    stored.mined = std::move(block.mined);
    stored_transactions_ += stored.transactions;
    while (blocks_.size() > 1 && (blocks_.size() > kBlocksKept || stored_transactions_ > kTransactionsKept)) {
        stored_transactions_ -= blocks_.front().transactions;
        for (const TxPlan& plan : blocks_.front().mined)
            made_.erase(plan.id);
        blocks_.pop_front();
    }
}

void EmbeddedChain::advance() {
    if (held_since_) return;
    const Clock::Steady now = clock_.steady();
    const Clock::Steady::duration block_time = settings_.block_time;
    while (now >= slot_start_ + block_time && !at_limit())
        produce(now);
    // Arrival i of n happens at (i + 1) / (n + 1) of the slot.
    const auto slots = static_cast<std::int64_t>(model_.slot_arrivals()) + 1;
    const std::int64_t due =
        (now - slot_start_).count() / std::max<std::int64_t>(block_time.count() / slots, 1);
    while (model_.arrived() < model_.slot_arrivals() && model_.arrived() < due)
        model_.arrive();
}

bool EmbeddedChain::at_limit() const {
    return limit_ && model_.height() >= *limit_ && clock_.steady() >= slot_start_ + settings_.block_time;
}

void EmbeddedChain::produce(Clock::Steady now) {
    const Clock::Steady due = slot_start_ + settings_.block_time;
    slot_start_ = now - due > settings_.block_time / 4 ? now : due;
    tip_time_ = clock_.wall();
    ModelBlock block = model_.close_slot();
    for (const TxPlan& plan : block.replaced)
        made_.erase(plan.id);
    for (const TxPlan& plan : block.unaffordable)
        made_.erase(plan.id);
    store(std::move(block), tip_time_);
    time_moved_.notify_all();
}

Address EmbeddedChain::address_of(std::uint32_t account) const {
    if (account < maker_.addresses().size()) return maker_.addresses()[account];
    const auto found = created_.find(account);
    return found == created_.end() ? Address{} : found->second;
}

Result<PoolActionPtr> EmbeddedChain::made(const TxPlan& plan) {
    const auto found = made_.find(plan.id);
    if (found != made_.end()) return found->second;
    if (auto ready = signed_ahead_ ? signed_ahead_(plan.id) : nullptr) return ready;
    auto fresh = maker_.make(plan, address_of(plan.target));
    if (fresh) made_.emplace(plan.id, *fresh);
    return fresh;
}

Result<std::vector<PoolActionPtr>> EmbeddedChain::pending() {
    std::vector<PoolActionPtr> out;
    std::vector<Fresh> fresh;
    {
        const std::lock_guard lock(mutex_);
        advance();
        out.reserve(model_.pool().size());
        for (const auto& [id, plan] : model_.pool()) {
            if (auto ready = signed_ahead_ ? signed_ahead_(id) : nullptr) {
                out.push_back(std::move(ready));
                continue;
            }
            const auto found = made_.find(id);
            if (found == made_.end()) fresh.push_back({out.size(), plan, address_of(plan.target), nullptr});
            out.push_back(found == made_.end() ? nullptr : found->second);
        }
    }
    // Without the lock: at 2,000 transactions per second, signing takes a large part of every second.
    IOSWARM_DO(make_all(fresh));
    const std::lock_guard lock(mutex_);
    for (Fresh& one : fresh) {
        // Actions that left the pool meanwhile were pending when this call began, so they are listed. Nobody
        // asks for them again, so they are not cached.
        const bool stays = model_.pool().contains(one.plan.id);
        out[one.place] = stays ? made_.try_emplace(one.plan.id, one.action).first->second : one.action;
    }
    return out;
}

Status EmbeddedChain::make_all(std::vector<Fresh>& fresh) const {
    std::atomic<std::size_t> next{0};
    Guarded<Status> outcome;
    const auto work = [&] {
        for (std::size_t i = next++; i < fresh.size(); i = next++) {
            auto made = maker_.make(fresh[i].plan, fresh[i].target);
            if (!made) {
                *outcome.lock() = fail(std::move(made.error()));
                return;
            }
            fresh[i].action = *std::move(made);
        }
    };
    {
        std::vector<std::jthread> helpers;
        const std::size_t wanted = std::min(fresh.size() / kActionsPerThread, kMaxHelpers);
        for (std::size_t i = 0; i < wanted; ++i)
            helpers.emplace_back(work);
        work();
    }
    return *outcome.lock();
}

Result<ChainTip> EmbeddedChain::tip() {
    const std::lock_guard lock(mutex_);
    advance();
    const bool stands_still = held_since_ || at_limit() || clock_.steady() < slot_start_;
    return ChainTip{model_.height(), stands_still ? clock_.wall() : tip_time_, kBaseFeeRau};
}

std::vector<Result<AccountState>> EmbeddedChain::accounts(std::span<const Address> addresses,
                                                          std::uint64_t height) {
    const std::lock_guard lock(mutex_);
    advance();
    std::vector<Result<AccountState>> out;
    out.reserve(addresses.size());
    for (const Address& address : addresses) {
        if (!model_.holds(height)) {
            out.emplace_back(fail(not_held(to_hex0x(address.view()), height)));
            continue;
        }
        const ModelAccount account = account_at(address, height);
        AccountState state{account.balance_rau, account.nonce, {}};
        if (account.has_code) state.code_hash = code_->hash();
        out.emplace_back(std::move(state));
    }
    return out;
}

Error EmbeddedChain::not_held(std::string which, std::uint64_t height) const {
    return {ErrorCode::out_of_range,
            "cannot read the account",
            std::move(which),
            "height " + std::to_string(height) + " is not held, the tip is " + std::to_string(model_.height()),
            {}};
}

/// An address that was never used is an empty account.
ModelAccount EmbeddedChain::account_at(const Address& address, std::uint64_t height) const {
    const auto index = index_.find(address);
    return index == index_.end() ? ModelAccount{} : model_.account(index->second, height);
}

std::unique_ptr<evm::StateFetcher> EmbeddedChain::at(std::uint64_t height, std::stop_token /*stop*/) {
    return std::make_unique<Fetcher>(*this, height);
}

Status EmbeddedChain::read_run_state(std::uint64_t height, const evm::Missing& missing,
                                     evm::FetchedState& state) {
    const std::lock_guard lock(mutex_);
    advance();
    if (!model_.holds(height)) return fail(not_held("state", height));
    for (const Address& address : missing.accounts) {
        const ModelAccount account = account_at(address, height);
        evm::AccountRecord record;
        record.balance = evm::Word::from(account.balance_rau);
        record.nonce = account.nonce;
        if (account.has_code) record.code = code_;
        record.exists = account.has_code || account.nonce != 0 || account.balance_rau != 0;
        record.has_storage = account.word != 0;
        state.put(address, std::move(record));
    }
    for (const evm::SlotId& slot : missing.slots) {
        const std::uint64_t word = slot.key.is_zero() ? account_at(slot.address, height).word : 0;
        state.put(slot.address, slot.key, {evm::Word(word), word != 0});
    }
    for (const std::uint64_t block : missing.block_hashes)
        state.put_block_hash(block, {});  // the embedded chain's blocks have no hashes
    return {};
}

Result<ExecutedBlock> EmbeddedChain::next(std::uint64_t height, std::stop_token stop) {
    constexpr const char* kWhat = "cannot read the block";
    std::unique_lock lock(mutex_);
    advance();
    const std::uint64_t wanted = height == 0 ? model_.height() + 1 : height;
    IOSWARM_DO(wait_for(wanted, stop, lock, kWhat));
    auto stored = stored_at(wanted, kWhat);
    if (!stored) return fail(std::move(stored.error()));
    if (!(*stored)->block) {
        IOSWARM_DO(make_block(**stored));
    }
    ExecutedBlock block = *(*stored)->block;
    if (!block.delta_state_digest.empty()) return block;

    // Without the lock: the diff of ten thousand accounts takes some milliseconds.
    const Changes changes = (*stored)->changes;
    lock.unlock();
    block.delta_state_digest = diff_of(wanted, changes).digest;
    lock.lock();
    stored = stored_at(wanted, kWhat);
    if (stored) (*stored)->block->delta_state_digest = block.delta_state_digest;
    return block;
}

Status EmbeddedChain::wait_for(std::uint64_t height, std::stop_token& stop, std::unique_lock<std::mutex>& lock,
                               const char* what) {
    while (height > model_.height()) {
        if (stop.stop_requested()) return fail(ErrorCode::cancelled, what, std::to_string(height), "stopped");
        const auto moved = [&, before = moves_] { return moves_ != before || height <= model_.height(); };
        if (held_since_ || at_limit()) {
            time_moved_.wait(lock, stop, moved);
        } else {
            const auto left = slot_start_ + settings_.block_time - clock_.steady();
            time_moved_.wait_for(lock, stop, left, moved);
        }
        advance();
    }
    return {};
}

Result<EmbeddedChain::StoredBlock*> EmbeddedChain::stored_at(std::uint64_t height, const char* what) {
    const std::uint64_t oldest = blocks_.empty() ? model_.height() + 1 : blocks_.front().height;
    if (height < oldest) {
        return fail(ErrorCode::out_of_range, what, std::to_string(height),
                    "the oldest held is " + std::to_string(oldest));
    }
    return &blocks_[static_cast<std::size_t>(height - oldest)];
}

Status EmbeddedChain::make_block(StoredBlock& stored) {
    ExecutedBlock block;
    block.height = stored.height;
    block.time = stored.time;
    block.base_fee_rau = kBaseFeeRau;
    block.receipts.reserve(stored.mined.size() + 1);
    for (const TxPlan& plan : stored.mined) {
        IOSWARM_TRY(const auto action, made(plan));
        block.receipts.push_back({action->hash.value(), plan.status, plan.gas_used});
    }
    IOSWARM_TRY(const auto reward, maker_.grant_reward_hash(stored.height));
    block.receipts.push_back({reward, kReceiptSuccess, 0});
    for (const TxPlan& plan : stored.mined)
        made_.erase(plan.id);
    stored.mined = {};
    stored.block = std::move(block);
    return {};
}

void EmbeddedChain::hold() {
    {
        const std::lock_guard lock(mutex_);
        advance();
        if (!held_since_) held_since_ = clock_.steady();
        ++moves_;
    }
    time_moved_.notify_all();
}

void EmbeddedChain::release() {
    {
        const std::lock_guard lock(mutex_);
        if (!held_since_) return;
        slot_start_ += clock_.steady() - *held_since_;
        tip_time_ = clock_.wall();
        held_since_.reset();
        ++moves_;
    }
    time_moved_.notify_all();
}

void EmbeddedChain::allow(std::uint64_t height) {
    {
        const std::lock_guard lock(mutex_);
        limit_ = std::max(limit_.value_or(0), height);
        ++moves_;
    }
    time_moved_.notify_all();
}

void EmbeddedChain::poke() {
    {
        const std::lock_guard lock(mutex_);
        ++moves_;
    }
    time_moved_.notify_all();
}

}  // namespace ioswarm::sim
