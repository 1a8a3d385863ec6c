// SPDX-License-Identifier: Apache-2.0
#include "test/support/fakes.hpp"

#include <algorithm>
#include <utility>

namespace ioswarm::test {

Clock::Steady ManualClock::steady() const {
    const std::lock_guard lock(mutex_);
    return steady_;
}

Clock::Wall ManualClock::wall() const {
    const std::lock_guard lock(mutex_);
    return wall_;
}

void ManualClock::advance(std::chrono::nanoseconds by) {
    {
        const std::lock_guard lock(mutex_);
        steady_ += std::chrono::duration_cast<Steady::duration>(by);
        wall_ += std::chrono::duration_cast<Wall::duration>(by);
    }
    tell();
}

void ManualClock::set_wall(Wall time) {
    {
        const std::lock_guard lock(mutex_);
        wall_ = time;
    }
    tell();
}

void ManualClock::on_change(std::function<void()> told) {
    const std::lock_guard lock(mutex_);
    told_.push_back(std::move(told));
}

void ManualClock::tell() {
    std::vector<std::function<void()>> told;
    {
        const std::lock_guard lock(mutex_);
        told = told_;
    }
    for (const auto& one : told)
        one();
}

Address address_of_number(std::uint8_t number) {
    Address address;
    address.bytes.fill(number);
    return address;
}

PoolActionPtr fake_action(const FakeAction& from) {
    auto action = std::make_shared<PoolAction>();
    const std::string text = "fake " + from.kind + " from " + std::to_string(from.sender) + " to " +
                             (from.receiver ? std::to_string(*from.receiver) : "nobody") + " nonce " +
                             std::to_string(from.nonce) + " salt " + std::to_string(from.salt);
    action->raw = to_bytes(as_bytes(text));
    // The id is unique without a hash function: its first bytes hold the fields.
    Hash256 id;
    id.bytes[0] = 0xfa;
    id.bytes[1] = from.sender;
    id.bytes[2] = from.receiver.value_or(0);
    id.bytes[3] = static_cast<std::uint8_t>(from.kind.size());
    for (std::size_t i = 0; i < 8; ++i) {
        id.bytes[16 + i] = static_cast<std::uint8_t>(from.salt >> (8 * i));
        id.bytes[24 + i] = static_cast<std::uint8_t>(from.nonce >> (8 * i));
    }
    for (std::size_t i = 0; i < from.kind.size(); ++i) {
        id.bytes[4 + i % 12] = static_cast<std::uint8_t>(id.bytes[4 + i % 12] * 31 + from.kind[i]);
    }
    action->raw_id = id;
    if (from.hashable) {
        action->hash = id;
        action->hash->bytes[0] = 0xac;
    }
    action->sender = address_of_number(from.sender);
    if (from.receiver) action->receiver = address_of_number(*from.receiver);
    action->nonce = from.nonce;
    action->kind = from.kind;
    if (from.evm) {
        action->evm_tx = EvmTx{.to = from.receiver ? to_hex0x(action->receiver->view()) : std::string(),
                               .value = "1",
                               .data = {},
                               .gas_limit = 10'000,
                               .gas_price = "1000000000000"};
    }
    return action;
}

ExecutedBlock fake_block(std::uint64_t height, std::vector<Receipt> receipts, Clock::Wall time) {
    ExecutedBlock block;
    block.height = height;
    block.time = time;
    block.receipts = std::move(receipts);
    return block;
}

Result<std::vector<PoolActionPtr>> FakeActPool::pending() {
    const std::lock_guard lock(mutex_);
    ++polls_;
    if (pending_error_) return fail(*pending_error_);
    return actions_;
}

Result<ChainTip> FakeActPool::tip() {
    const std::lock_guard lock(mutex_);
    if (tip_error_) return fail(*tip_error_);
    if (!tip_) return fail(ErrorCode::unavailable, "cannot read the tip", "fake pool", "none was set");
    return *tip_;
}

void FakeActPool::set(std::vector<PoolActionPtr> actions) {
    const std::lock_guard lock(mutex_);
    actions_ = std::move(actions);
}

void FakeActPool::add(PoolActionPtr action) {
    const std::lock_guard lock(mutex_);
    actions_.push_back(std::move(action));
}

bool FakeActPool::remove(const Hash256& raw_id) {
    const std::lock_guard lock(mutex_);
    return std::erase_if(actions_, [&](const PoolActionPtr& action) { return action->raw_id == raw_id; }) > 0;
}

void FakeActPool::set_tip(ChainTip tip) {
    const std::lock_guard lock(mutex_);
    tip_ = std::move(tip);
}

void FakeActPool::fail_pending(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    pending_error_ = std::move(error);
}

void FakeActPool::fail_tip(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    tip_error_ = std::move(error);
}

std::uint64_t FakeActPool::polls() const {
    const std::lock_guard lock(mutex_);
    return polls_;
}

std::vector<Result<AccountState>> FakeState::accounts(std::span<const Address> addresses,
                                                      std::uint64_t height) {
    std::unique_lock lock(mutex_);
    calls_.push_back({{addresses.begin(), addresses.end()}, height});
    ++running_;
    peak_ = std::max(peak_, running_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return !stalled_; });
    --running_;

    std::vector<Result<AccountState>> out;
    out.reserve(addresses.size());
    for (const Address& address : addresses)
        out.push_back(account(address, height));
    return out;
}

Result<AccountState> FakeState::account(const Address& address, std::uint64_t height) const {
    if (error_for_all_) return fail(*error_for_all_);
    if (const auto error = errors_.find(address); error != errors_.end()) return fail(error->second);
    if (heights_ && !heights_->contains(height)) {
        return fail(ErrorCode::out_of_range, "cannot read the account", to_hex0x(address.view()),
                    "height " + std::to_string(height) + " is not held");
    }
    const auto found = accounts_.find(address);
    return found == accounts_.end() ? AccountState{} : found->second;
}

void FakeState::set(const Address& address, AccountState state) {
    const std::lock_guard lock(mutex_);
    accounts_[address] = std::move(state);
}

void FakeState::fail_address(const Address& address, std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    if (error) {
        errors_[address] = std::move(*error);
    } else {
        errors_.erase(address);
    }
}

void FakeState::fail_all(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    error_for_all_ = std::move(error);
}

void FakeState::hold_only(std::optional<std::set<std::uint64_t>> heights) {
    const std::lock_guard lock(mutex_);
    heights_ = std::move(heights);
}

void FakeState::stall() {
    const std::lock_guard lock(mutex_);
    stalled_ = true;
}

void FakeState::release() {
    {
        const std::lock_guard lock(mutex_);
        stalled_ = false;
    }
    changed_.notify_all();
}

void FakeState::wait_until_stalled(std::uint32_t calls) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stalled_ && running_ >= calls; });
}

std::vector<FakeState::Call> FakeState::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

std::uint64_t FakeState::reads(const Address& address) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t count = 0;
    for (const Call& call : calls_) {
        count += static_cast<std::uint64_t>(std::count(call.addresses.begin(), call.addresses.end(), address));
    }
    return count;
}

std::uint32_t FakeState::peak_concurrency() const {
    const std::lock_guard lock(mutex_);
    return peak_;
}

Result<ExecutedBlock> FakeBlocks::next(std::uint64_t height, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    // Height 0 means the next block that is pushed above the present highest one.
    const std::uint64_t above = height == 0 ? (blocks_.empty() ? 0 : blocks_.rbegin()->first) : height - 1;
    const auto found = [&] { return height == 0 ? blocks_.upper_bound(above) : blocks_.find(height); };
    const auto something = [&] {
        return !errors_.empty() || (height != 0 && height < floor_) || found() != blocks_.end();
    };
    if (!something()) {
        waiting_for_ = height;
        changed_.notify_all();
    }
    const bool there = changed_.wait(lock, stop, something);
    waiting_for_.reset();
    if (!there) return fail(ErrorCode::cancelled, "cannot wait for a block", std::to_string(height), "stopped");
    if (!errors_.empty()) {
        Error error = std::move(errors_.front());
        errors_.pop_front();
        return fail(std::move(error));
    }
    if (height != 0 && height < floor_) {
        return fail(ErrorCode::out_of_range, "cannot read the block", std::to_string(height),
                    "the oldest held is " + std::to_string(floor_));
    }
    return found()->second;
}

void FakeBlocks::push(ExecutedBlock block) {
    {
        const std::lock_guard lock(mutex_);
        const std::uint64_t height = block.height;
        blocks_.insert_or_assign(height, std::move(block));
    }
    changed_.notify_all();
}

void FakeBlocks::push_error(Error error) {
    {
        const std::lock_guard lock(mutex_);
        errors_.push_back(std::move(error));
    }
    changed_.notify_all();
}

void FakeBlocks::forget_below(std::uint64_t height) {
    {
        const std::lock_guard lock(mutex_);
        floor_ = height;
        blocks_.erase(blocks_.begin(), blocks_.lower_bound(height));
    }
    changed_.notify_all();
}

void FakeBlocks::wait_until_asked(std::uint64_t height) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_for_ == height; });
}

void FakeSettler::epoch_closed(std::uint64_t epoch) {
    const std::lock_guard lock(mutex_);
    closed_.push_back(epoch);
}

std::vector<std::uint64_t> FakeSettler::closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
}

}  // namespace ioswarm::test
