// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/state_cache.hpp"

#include <utility>
#include <vector>

#include "core/base/try.hpp"

namespace ioswarm {

std::optional<evm::AccountRecord> StateCache::account(const Address& address) {
    const std::lock_guard lock(mutex_);
    const auto found = accounts_.find(address);
    return found == accounts_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<evm::SlotRecord> StateCache::slot(const Address& address, const evm::Word& key) {
    const std::lock_guard lock(mutex_);
    const auto of_account = slots_.find(address);
    if (of_account == slots_.end()) return std::nullopt;
    const auto found = of_account->second.find(key);
    return found == of_account->second.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Hash256> StateCache::block_hash(std::uint64_t height) {
    const std::lock_guard lock(mutex_);
    const auto found = hashes_.find(height);
    return found == hashes_.end() ? std::nullopt : std::optional(found->second);
}

void StateCache::keep(const evm::Missing& fetched, evm::FetchedState& state) {
    // Reads without the lock, because `state` may ask this cache for values that it does not hold itself.
    std::vector<std::pair<Address, evm::AccountRecord>> accounts;
    std::vector<std::pair<evm::SlotId, evm::SlotRecord>> slots;
    std::vector<std::pair<std::uint64_t, Hash256>> hashes;
    for (const Address& address : fetched.accounts) {
        if (auto record = state.account(address)) accounts.emplace_back(address, std::move(*record));
    }
    for (const evm::SlotId& id : fetched.slots) {
        if (const auto record = state.slot(id.address, id.key)) slots.emplace_back(id, *record);
    }
    for (const std::uint64_t height : fetched.block_hashes) {
        if (const auto hash = state.block_hash(height)) hashes.emplace_back(height, *hash);
    }
    const std::lock_guard lock(mutex_);
    for (auto& [address, record] : accounts) {
        const std::size_t code = record.code ? record.code->size() : 0;
        if (accounts_.size() >= kMaxAccounts || code_bytes_ + code > kMaxCodeBytes) continue;
        if (accounts_.insert_or_assign(address, std::move(record)).second) code_bytes_ += code;
    }
    for (const auto& [id, record] : slots) {
        if (slot_count_ >= kMaxSlots) break;
        if (slots_[id.address].insert_or_assign(id.key, record).second) ++slot_count_;
    }
    for (const auto& [height, hash] : hashes)
        hashes_[height] = hash;
}

Status CachingFetcher::fetch(const evm::Missing& missing, evm::FetchedState& state) {
    IOSWARM_DO(from_.fetch(missing, state));
    cache_.keep(missing, state);
    return {};
}

}  // namespace ioswarm
