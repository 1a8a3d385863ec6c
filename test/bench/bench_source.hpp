// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <vector>

#include "core/ports/act_pool_reader.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm::bench {

/// A chain that does what a benchmark tells it: pool, state and blocks of the measured server. Every action is
/// new, has its own sender and 200 bytes. Thread-safe.
class BenchSource final : public ActPoolReader, public StateReader, public BlockSource {
  public:
    /// Adds this many new actions to the pool.
    void feed(std::size_t actions);
    /// Makes a block with all actions of the pool, all successful, and empties the pool. Waits until the block
    /// was processed.
    void mine();

    [[nodiscard]] Result<std::vector<PoolActionPtr>> pending() override;
    [[nodiscard]] Result<ChainTip> tip() override;
    [[nodiscard]] std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                             std::uint64_t height) override;
    [[nodiscard]] Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override;

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<PoolActionPtr> pool_;     // guarded by mutex_, like the members below
    std::vector<ExecutedBlock> to_come_;  // at most one
    std::uint64_t height_ = 1;
    std::uint64_t made_ = 0;
    bool is_waited_for_ = false;  // next() waits, so all blocks so far were processed
};

}  // namespace ioswarm::bench
