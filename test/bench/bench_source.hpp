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

/// A chain that does what it is told: pool, state and blocks of a server under measurement. Every action is
/// new, has a sender of its own and 200 bytes. Thread-safe.
class BenchSource final : public ActPoolReader, public StateReader, public BlockSource {
  public:
    /// So many new actions into the pool.
    void feed(std::size_t actions);
    /// A block with all of the pool, all successful; the pool is empty then. Waits until it was taken.
    void mine();

    [[nodiscard]] Result<std::vector<PoolActionPtr>> pending() override;
    [[nodiscard]] Result<ChainTip> tip() override;
    [[nodiscard]] std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                             std::uint64_t height) override;
    [[nodiscard]] Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override;

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<PoolActionPtr> pool_;     // guarded by mutex_, as is what follows
    std::vector<ExecutedBlock> to_come_;  // at most one
    std::uint64_t height_ = 1;
    std::uint64_t made_ = 0;
    bool is_waited_for_ = false;  // next() waits: all blocks so far were taken
};

}  // namespace ioswarm::bench
