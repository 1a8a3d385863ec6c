// SPDX-License-Identifier: Apache-2.0
#include "test/bench/bench_source.hpp"

#include <algorithm>

namespace ioswarm::bench {
namespace {

constexpr std::size_t kActionBytes = 200;

PoolActionPtr action_number(std::uint64_t number) {
    auto action = std::make_shared<PoolAction>();
    action->raw.assign(kActionBytes, 1);
    for (std::size_t i = 0; i < 8; ++i) {
        const auto byte = static_cast<std::uint8_t>(number >> (8 * i));
        action->raw[i] = byte;
        const auto mixed = static_cast<std::uint8_t>((number * 0x9e3779b97f4a7c15ULL) >> (8 * i));
        action->raw_id.bytes[16 + i] = byte;
        action->raw_id.bytes[24 + i] = mixed;  // the bytes that maps hash
        action->sender.bytes[12 + i] = mixed;
    }
    action->hash = action->raw_id;
    action->kind = "transfer";
    return action;
}

}  // namespace

void BenchSource::feed(std::size_t actions) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < actions; ++i)
        pool_.push_back(action_number(++made_));
}

void BenchSource::mine() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_waited_for_ && to_come_.empty(); });
    ExecutedBlock block;
    block.height = ++height_;
    block.time = std::chrono::system_clock::now();
    block.receipts.reserve(pool_.size());
    for (const PoolActionPtr& action : pool_)
        block.receipts.push_back({*action->hash, kReceiptSuccess, 0});
    pool_ = {};
    to_come_.push_back(std::move(block));
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_waited_for_ && to_come_.empty(); });
}

Result<std::vector<PoolActionPtr>> BenchSource::pending() {
    const std::lock_guard lock(mutex_);
    return pool_;
}

Result<ChainTip> BenchSource::tip() {
    const std::lock_guard lock(mutex_);
    return ChainTip{height_, std::chrono::system_clock::now(), 0};
}

std::vector<Result<AccountState>> BenchSource::accounts(std::span<const Address> addresses, std::uint64_t) {
    return std::vector<Result<AccountState>>(addresses.size(), AccountState{});
}

Result<ExecutedBlock> BenchSource::next(std::uint64_t, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    is_waited_for_ = true;
    changed_.notify_all();
    const bool is_there = changed_.wait(lock, stop, [&] { return !to_come_.empty(); });
    is_waited_for_ = false;
    if (!is_there) return fail(ErrorCode::cancelled, "no block");
    ExecutedBlock block = std::move(to_come_.front());
    to_come_.clear();
    return block;
}

}  // namespace ioswarm::bench
