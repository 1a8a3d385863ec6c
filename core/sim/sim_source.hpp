// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "core/ports/act_pool_reader.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/state_reader.hpp"
#include "core/sim/embedded_chain.hpp"
#include "core/sim/run_record.hpp"
#include "core/sim/scenario.hpp"

namespace ioswarm::sim {

/// The embedded chain as a coordinator sees it in a run. It adds forged transactions to the pool, is
/// unavailable for a while when told so, and tells the record when a transaction is listed for the first time.
/// All its ports are thread-safe. Everything given to it must outlive it.
class SimSource final : public ActPoolReader,
                        public StateReader,
                        public BlockSource,
                        public evm::StateFetchers {
  public:
    SimSource(EmbeddedChain& chain, const Scenario& scenario, RunRecord& record);

    [[nodiscard]] Result<std::vector<PoolActionPtr>> pending() override;
    [[nodiscard]] Result<ChainTip> tip() override;
    [[nodiscard]] std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                             std::uint64_t height) override;
    [[nodiscard]] Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override;
    [[nodiscard]] std::unique_ptr<evm::StateFetcher> at(std::uint64_t height, std::stop_token stop) override;

    /// Until resume(), every call fails with unavailable and no block comes.
    void stall();
    void resume();

  private:
    EmbeddedChain& chain_;
    const Scenario& scenario_;
    RunRecord& record_;
    std::atomic<bool> away_{false};
    std::mutex mutex_;  // guards all members below
    /// The tip that was returned last. A forged transaction with a used-up nonce must not be listed while the
    /// reader still uses older accounts.
    std::uint64_t told_tip_ = 0;
    std::uint32_t shown_ = 0;  ///< number of the chain's own transactions that were listed
};

}  // namespace ioswarm::sim
