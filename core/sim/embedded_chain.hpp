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

/// A chain inside the process, for trying things out without a node. It has real keys and signatures, a pool,
/// blocks with receipts, confirmed state, and state diffs. All of its ports are thread-safe, and several
/// threads may call next().
///
/// ChainModel and the settings decide what happens; the clock decides when. The arrivals of a slot are spread
/// over its block_time, and its block comes at the end. The chain has no thread of its own: each call of a port
/// moves it up to the current time, and next() wakes up for its block. (To sign many new actions, pending()
/// starts a few helper threads that end before it returns.) If no port was called for a while, because the
/// process was stopped, the chain does not catch up: a transaction that arrived and was mined within one call
/// would never have been visible as pending. One block is then late, and the next slot begins now. For the same
/// reason the pool must be read more than once per block_time; twice is enough.
///
/// Containers (encoding 128) are listed in the pool as such. In blocks they are unwrapped and keep their hash,
/// so their receipts look like any others. Each block also has the receipt of a grantReward action that was
/// never in the pool, and the digest of its state diff.
class EmbeddedChain final : public ActPoolReader,
                            public StateReader,
                            public BlockSource,
                            public evm::StateFetchers {
  public:
    /// Returns actions that were signed in advance, by TxPlan::id. A caller that knows the whole run in advance
    /// spares the chain the signing while it is measured. Null = this action is not available. Must be
    /// thread-safe.
    using SignedAhead = std::function<PoolActionPtr(std::uint64_t plan_id)>;

    /// Replays to settings.resume_height (2 to 4 million transactions per second) and continues from there.
    /// `clock` must outlive the chain. Errors: those of check(); internal.
    [[nodiscard]] static Result<std::unique_ptr<EmbeddedChain>> create(const ChainSettings& settings,
                                                                       const Clock& clock, Log log = {},
                                                                       SignedAhead signed_ahead = {});

    [[nodiscard]] Result<std::vector<PoolActionPtr>> pending() override;
    [[nodiscard]] Result<ChainTip> tip() override;
    /// Heights that can be read: the tip and the seven before it.
    [[nodiscard]] std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                             std::uint64_t height) override;
    /// Like accounts(), but for runs of transactions: includes code and slots.
    [[nodiscard]] std::unique_ptr<evm::StateFetcher> at(std::uint64_t height, std::stop_token stop) override;
    /// Returns a block. It keeps the last 1,000 blocks, or fewer if these have more than 200,000 transactions;
    /// older ones give out_of_range. Height 0 means the block after the tip.
    [[nodiscard]] Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override;

    /// The diffs of the blocks that are kept, made on demand (chain_diff.hpp describes their content). Diff 1
    /// begins with all accounts of the genesis, so applying all diffs from 1 gives the whole state. Stakes and
    /// candidates are not part of it. Thread-safe; lives as long as the chain.
    [[nodiscard]] StateDiffSource& diffs() noexcept { return diffs_; }

    /// Stops time until release(): nothing arrives, no block comes, and the tip's time is always now. Repeated
    /// calls have no further effect.
    void hold();
    void release();
    /// Allows blocks up to this height. When the next block is due and not allowed, time stops at the end of
    /// its slot. The limit only rises; without a call there is none.
    void allow(std::uint64_t height);
    /// Call this after moving the clock by hand: callers waiting in next() then check the time again.
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
        std::vector<TxPlan> mined;  // emptied when `block` is made
        std::size_t transactions = 0;
        std::optional<ExecutedBlock> block;  // made on first demand
    };

    /// An action that is listed for the first time.
    struct Fresh {
        std::size_t place = 0;  // index in the list
        TxPlan plan;
        Address target;
        PoolActionPtr action;
    };

    [[nodiscard]] Status make_all(std::vector<Fresh>& fresh) const;
    void replay(std::uint64_t height);
    void advance();
    /// True if the next block is due but not allowed.
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
    const evm::CodePtr code_;  // the same for every contract
    Diffs diffs_{*this};

    std::mutex mutex_;                        // guards all members below
    std::condition_variable_any time_moved_;  // next() waits for it
    std::uint64_t moves_ = 0;                 // counts calls of hold, release, allow and poke
    std::optional<std::uint64_t> limit_;
    ChainModel model_;
    Clock::Steady slot_start_;
    std::optional<Clock::Steady> held_since_;
    Clock::Wall tip_time_;
    std::deque<StoredBlock> blocks_;
    std::size_t stored_transactions_ = 0;
    // Key: plan id; actions that were listed and are still pending.
    std::unordered_map<std::uint64_t, PoolActionPtr> made_;
    std::unordered_map<Address, std::uint32_t, FixedBytesHash> index_;
    std::unordered_map<std::uint32_t, Address> created_;  // addresses of contracts created by transactions
};

}  // namespace ioswarm::sim
