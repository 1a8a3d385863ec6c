// SPDX-License-Identifier: Apache-2.0
#pragma once

// In-memory fakes of the ports (core/ports), one per port. All are thread-safe. Each can be made to fail, and
// those that may block can be made to block, so that tests need no sleeps. The suites in test/suites check that
// they follow the ports' contracts.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "core/ports/act_pool_reader.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/reward_settler.hpp"
#include "core/ports/state_reader.hpp"

namespace ioswarm::test {

/// A clock that moves only when a test moves it. It starts at steady 1,000 s and wall time
/// 2026-01-01T00:00:00Z.
class ManualClock final : public Clock {
  public:
    [[nodiscard]] Steady steady() const override;
    [[nodiscard]] Wall wall() const override;

    /// Moves both clocks.
    void advance(std::chrono::nanoseconds by);
    /// Makes the wall clock jump, as an administrator or NTP can do. The steady clock does not change.
    void set_wall(Wall time);
    /// `told` is called after each change, outside the clock's lock, on the thread that made the change. Use it
    /// to wake code that waits for a time. `told` must stay valid until the last change of the clock.
    void on_change(std::function<void()> told);

  private:
    void tell();

    mutable std::mutex mutex_;
    Steady steady_{std::chrono::seconds(1000)};
    Wall wall_{std::chrono::seconds(1767225600)};
    std::vector<std::function<void()>> told_;
};

/// The input of fake_action(). It is enough for all code that does not look into the action's bytes.
struct FakeAction {
    std::uint8_t sender = 1;  ///< address_of_number(sender)
    std::uint64_t nonce = 0;
    std::optional<std::uint8_t> receiver = 2;
    std::string kind = "transfer";
    std::uint64_t salt = 0;  ///< distinguishes two actions of the same sender and nonce (a replacement)
    bool hashable = true;    ///< false: PoolAction::hash is empty
    bool evm = true;         ///< false: PoolAction::evm_tx is empty
};

/// An address whose bytes are all `number`.
[[nodiscard]] Address address_of_number(std::uint8_t number);
/// Equal inputs give equal actions. Different inputs give different raw bytes, raw_id and hash. `raw` is not a
/// protobuf message.
[[nodiscard]] PoolActionPtr fake_action(const FakeAction& from);
[[nodiscard]] ExecutedBlock fake_block(std::uint64_t height, std::vector<Receipt> receipts = {},
                                       Clock::Wall time = {});

/// A pool that lists the actions that the test has set.
class FakeActPool final : public ActPoolReader {
  public:
    [[nodiscard]] Result<std::vector<PoolActionPtr>> pending() override;
    [[nodiscard]] Result<ChainTip> tip() override;

    void set(std::vector<PoolActionPtr> actions);
    void add(PoolActionPtr action);
    /// Removes by raw_id. Returns true if it was there.
    bool remove(const Hash256& raw_id);
    void set_tip(ChainTip tip);
    /// Every pending() fails with this error until it is reset to empty. fail_tip() does the same for tip().
    /// Before the first set_tip(), tip() fails with unavailable.
    void fail_pending(std::optional<Error> error);
    void fail_tip(std::optional<Error> error);
    /// Number of calls of pending(), including failed ones.
    [[nodiscard]] std::uint64_t polls() const;

  private:
    mutable std::mutex mutex_;
    std::vector<PoolActionPtr> actions_;
    std::optional<ChainTip> tip_;
    std::optional<Error> pending_error_;
    std::optional<Error> tip_error_;
    std::uint64_t polls_ = 0;
};

/// Accounts by address. An address that was never set is a new account.
class FakeState final : public StateReader {
  public:
    [[nodiscard]] std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                             std::uint64_t height) override;

    void set(const Address& address, AccountState state);
    /// Reads of this address fail until the error is reset to empty.
    void fail_address(const Address& address, std::optional<Error> error);
    void fail_all(std::optional<Error> error);
    /// Only these heights are held; reads at others get out_of_range. Empty, the default, means any height.
    void hold_only(std::optional<std::set<std::uint64_t>> heights);

    /// Calls block from now on until release(). A test must call release() before it joins its threads.
    void stall();
    void release();
    /// Waits until `calls` calls are blocked in accounts().
    void wait_until_stalled(std::uint32_t calls);

    /// The arguments of the calls of accounts(), in order.
    struct Call {
        std::vector<Address> addresses;
        std::uint64_t height = 0;
    };
    [[nodiscard]] std::vector<Call> calls() const;
    /// How often this address was read, in all calls together.
    [[nodiscard]] std::uint64_t reads(const Address& address) const;
    /// The highest number of calls in progress at the same time.
    [[nodiscard]] std::uint32_t peak_concurrency() const;

  private:
    [[nodiscard]] Result<AccountState> account(const Address& address,
                                               std::uint64_t height) const;  // called with the lock held

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::unordered_map<Address, AccountState, FixedBytesHash> accounts_;
    std::unordered_map<Address, Error, FixedBytesHash> errors_;
    std::optional<Error> error_for_all_;
    std::optional<std::set<std::uint64_t>> heights_;
    std::vector<Call> calls_;
    std::uint32_t running_ = 0;
    std::uint32_t peak_ = 0;
    bool stalled_ = false;
};

/// Blocks in memory. next() waits for a block that was not pushed yet.
class FakeBlocks final : public BlockSource {
  public:
    [[nodiscard]] Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override;

    /// Blocks may come in any order and with gaps (a reader then waits at the gap). A second block of the same
    /// height replaces the first.
    void push(ExecutedBlock block);
    /// The next call of next(), or the one that is waiting, fails with this error. Each error is used once;
    /// several are queued.
    void push_error(Error error);
    /// Blocks below `height` are no longer held: out_of_range.
    void forget_below(std::uint64_t height);
    /// Waits until a reader has asked for `height` and is waiting for it. Then all blocks before it have been
    /// taken.
    void wait_until_asked(std::uint64_t height);

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::uint64_t, ExecutedBlock> blocks_;
    std::deque<Error> errors_;
    std::uint64_t floor_ = 0;
    std::optional<std::uint64_t> waiting_for_;
};

/// Records the epochs that it was told about.
class FakeSettler final : public RewardSettler {
  public:
    void epoch_closed(std::uint64_t epoch) override;
    [[nodiscard]] std::vector<std::uint64_t> closed() const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::uint64_t> closed_;
};

}  // namespace ioswarm::test
