// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "core/base/log.hpp"
#include "core/evm/reading.hpp"
#include "core/ports/act_pool_reader.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/state_diff_source.hpp"
#include "core/ports/state_reader.hpp"
#include "core/sim/action_maker.hpp"
#include "core/sim/chain_diff.hpp"
#include "core/sim/chain_model.hpp"

namespace ioswarm::sim {

/// A chain inside the process, for trying things out without a node: real keys and signatures, a pool, blocks
/// with receipts, confirmed state, state diffs. All of its ports are thread-safe, and next() may be called by
/// several threads.
///
/// What happens is ChainModel's and follows from the settings; the clock says when. The arrivals of a slot are
/// spread over its block_time, its block comes at the end. There is no thread: whoever calls a port moves the
/// chain up to now, and next() wakes for its block (pending() signs many new ones with a few helpers that end
/// before it returns). When nobody called for a while (a stopped process) the chain does not rush to catch up,
/// since a transaction that came and went in one call would have been pending for nobody: one block is late,
/// and the next slot begins now. For the same reason a pool must be looked at more than once a block_time;
/// twice is enough.
///
/// Containers (encoding 128) stand in the pool as such; in blocks they are unfolded and keep their hash, so
/// their receipts look like any other. Each block has the receipt of a grantReward action that was never in the
/// pool, and the digest of its state diff.
class EmbeddedChain final : public ActPoolReader,
                            public StateReader,
                            public BlockSource,
                            public evm::StateFetchers {
  public:
    /// Actions that were signed before, by TxPlan::id: whoever knows the whole run beforehand saves the chain
    /// the signing while it is measured. Null = not this one. Must be thread-safe.
    using SignedAhead = std::function<PoolActionPtr(std::uint64_t plan_id)>;

    /// Replays to settings.resume_height (2 to 4 million transactions a second) and goes on from there. `clock`
    /// must outlive the chain. Errors: of check(); internal.
    [[nodiscard]] static Result<std::unique_ptr<EmbeddedChain>> create(const ChainSettings& settings,
                                                                       const Clock& clock, Log log = {},
                                                                       SignedAhead signed_ahead = {});

    [[nodiscard]] Result<std::vector<PoolActionPtr>> pending() override;
    [[nodiscard]] Result<ChainTip> tip() override;
    /// Held are the tip and the seven heights before it.
    [[nodiscard]] std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                             std::uint64_t height) override;
    /// As accounts(), for runs of transactions: with code and slots.
    [[nodiscard]] std::unique_ptr<evm::StateFetcher> at(std::uint64_t height) override;
    /// Held are the last 1,000 blocks, or fewer that have 200,000 transactions together; out_of_range below.
    /// Height 0 is the block after the tip.
    [[nodiscard]] Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override;

    /// The diffs of the blocks that are held, made when they are asked for (chain_diff.hpp says what is in
    /// them). Diff 1 begins with every account of the genesis: who applies all diffs from 1 on has the whole
    /// state. What stakes and candidates are is not part of it. Thread-safe; lives as long as the chain.
    [[nodiscard]] StateDiffSource& diffs() noexcept { return diffs_; }

    /// Time stands still until release(): nothing arrives, no block comes, and the tip counts as of now. Twice
    /// is once.
    void hold();
    void release();
    /// No block above this one is made yet: when it is due, time stands still at the end of its slot. It only
    /// ever rises; without a call there is no limit.
    void allow(std::uint64_t height);
    /// The clock was moved by hand: whoever waits in next() looks again.
    void poke();

  private:
    EmbeddedChain(const ChainSettings& settings, const Clock& clock, Log log, SignedAhead signed_ahead);

    class Diffs final : public StateDiffSource {
      public:
        explicit Diffs(EmbeddedChain& chain) : chain_(chain) {}
        [[nodiscard]] Result<StateDiff> next(std::uint64_t height, std::stop_token stop) override {
            return chain_.next_diff(height, std::move(stop));
        }

      private:
        EmbeddedChain& chain_;
    };
    class Fetcher final : public evm::StateFetcher {
      public:
        Fetcher(EmbeddedChain& chain, std::uint64_t height) : chain_(chain), height_(height) {}
        [[nodiscard]] Status fetch(const evm::Missing& missing, evm::FetchedState& state) override {
            return chain_.read_run_state(height_, missing, state);
        }

      private:
        EmbeddedChain& chain_;
        std::uint64_t height_;
    };
    using Changes = std::shared_ptr<const std::vector<ChangedAccount>>;

    struct StoredBlock {
        std::uint64_t height = 0;
        Clock::Wall time;
        Changes changes;
        std::vector<TxPlan> mined;  // until `block` is made
        std::size_t transactions = 0;
        std::optional<ExecutedBlock> block;  // made when first asked for
    };

    /// An action that is listed for the first time.
    struct Fresh {
        std::size_t place = 0;  // in the list
        TxPlan plan;
        Address target;
        PoolActionPtr action;
    };

    [[nodiscard]] Status make_all(std::vector<Fresh>& fresh) const;
    void replay(std::uint64_t height);
    void advance();
    /// The next block is due and may not be made.
    [[nodiscard]] bool at_limit() const;
    void produce(Clock::Steady now);
    void store(ModelBlock block, Clock::Wall time);
    void know(const CreatedContract& contract);
    [[nodiscard]] Status read_run_state(std::uint64_t height, const evm::Missing& missing,
                                        evm::FetchedState& state);
    [[nodiscard]] ModelAccount account_at(const Address& address, std::uint64_t height) const;
    [[nodiscard]] Error not_held(std::string which, std::uint64_t height) const;
    [[nodiscard]] Result<PoolActionPtr> made(const TxPlan& plan);
    [[nodiscard]] Address address_of(std::uint32_t account) const;
    [[nodiscard]] Result<StateDiff> next_diff(std::uint64_t height, std::stop_token stop);
    [[nodiscard]] Changes changes_of(const ModelBlock& block) const;
    [[nodiscard]] StateDiff diff_of(std::uint64_t height, const Changes& changes) const;
    [[nodiscard]] Status wait_for(std::uint64_t height, std::stop_token& stop,
                                  std::unique_lock<std::mutex>& lock, const char* what);
    [[nodiscard]] Result<StoredBlock*> stored_at(std::uint64_t height, const char* what);
    [[nodiscard]] Status make_block(StoredBlock& stored);

    const ChainSettings settings_;
    const Clock& clock_;
    const Log log_;
    const SignedAhead signed_ahead_;
    const ActionMaker maker_;
    const evm::CodePtr code_;  // of every contract
    Diffs diffs_{*this};

    std::mutex mutex_;                        // guards all below
    std::condition_variable_any time_moved_;  // waited for by next()
    std::uint64_t moves_ = 0;                 // hold, release, allow, poke
    std::optional<std::uint64_t> limit_;
    ChainModel model_;
    Clock::Steady slot_start_;
    std::optional<Clock::Steady> held_since_;
    Clock::Wall tip_time_;
    std::deque<StoredBlock> blocks_;
    std::size_t stored_transactions_ = 0;
    std::unordered_map<std::uint64_t, PoolActionPtr> made_;  // by plan id: what was listed and is still pending
    std::unordered_map<Address, std::uint32_t, FixedBytesHash> index_;
    std::unordered_map<std::uint32_t, Address> created_;  // addresses of contracts that transactions made
};

}  // namespace ioswarm::sim
