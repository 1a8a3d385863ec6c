// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/evm/reading.hpp"

namespace ioswarm {

/// The state at one height that runs of tasks have read, so that nothing is read twice. Thread-safe. Bounded:
/// when it is full, nothing more is added.
class StateCache final : public evm::StateSource {
  public:
    static constexpr std::size_t kMaxAccounts = 50'000;
    static constexpr std::size_t kMaxSlots = 500'000;
    static constexpr std::size_t kMaxCodeBytes = std::size_t{128} << 20;

    explicit StateCache(std::uint64_t height) : height_(height) {}

    [[nodiscard]] std::uint64_t height() const noexcept { return height_; }

    [[nodiscard]] std::optional<evm::AccountRecord> account(const Address& address) override;
    [[nodiscard]] std::optional<evm::SlotRecord> slot(const Address& address, const evm::Word& key) override;
    [[nodiscard]] std::optional<Hash256> block_hash(std::uint64_t height) override;

    /// Adds the values that were missing before and are in `state` now.
    void keep(const evm::Missing& fetched, evm::FetchedState& state);

  private:
    const std::uint64_t height_;
    std::mutex mutex_;  // guards all below
    std::unordered_map<Address, evm::AccountRecord, FixedBytesHash> accounts_;
    std::unordered_map<Address, std::unordered_map<evm::Word, evm::SlotRecord, evm::WordHash>, FixedBytesHash>
        slots_;
    std::map<std::uint64_t, Hash256> hashes_;
    std::size_t slot_count_ = 0;
    std::size_t code_bytes_ = 0;
};
using StateCachePtr = std::shared_ptr<StateCache>;

/// Fetches through another fetcher and keeps the results in a StateCache.
class CachingFetcher final : public evm::StateFetcher {
  public:
    CachingFetcher(evm::StateFetcher& from, StateCache& cache) : from_(from), cache_(cache) {}
    [[nodiscard]] Status fetch(const evm::Missing& missing, evm::FetchedState& state) override;

  private:
    evm::StateFetcher& from_;
    StateCache& cache_;
};

}  // namespace ioswarm
