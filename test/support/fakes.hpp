// SPDX-License-Identifier: Apache-2.0
#pragma once

// In-memory fakes of the ports (core/ports), one a port. All are thread-safe; each can fail, and those that may
// block can be made to, so that tests need no sleeps. The suites in test/suites hold them to the ports'
// contracts.

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

/// Time that moves only when a test says so. Starts at steady 1,000 s and wall 2026-01-01T00:00:00Z.
class ManualClock final : public Clock {
  public:
    [[nodiscard]] Steady steady() const override;
    [[nodiscard]] Wall wall() const override;

    /// Moves both clocks.
    void advance(std::chrono::nanoseconds by);
    /// The wall clock jumps, as an administrator or NTP makes it; the steady one does not notice.
    void set_wall(Wall time);
    /// `told` is called after each change, outside the clock's lock, by the thread that made it: for things
    /// that wait for a time and must look again. It must outlive the clock's last change.
    void on_change(std::function<void()> told);

  private:
    void tell();

    mutable std::mutex mutex_;
    Steady steady_{std::chrono::seconds(1000)};
    Wall wall_{std::chrono::seconds(1767225600)};
    std::vector<std::function<void()>> told_;
};

/// What fake_action() makes an action of; enough for everything that does not look into the bytes.
struct FakeAction {
    std::uint8_t sender = 1;  ///< address_of_number(sender)
    std::uint64_t nonce = 0;
    std::optional<std::uint8_t> receiver = 2;
    std::string kind = "transfer";
    std::uint64_t salt = 0;  ///< tells two of the same sender and nonce apart (a replacement)
    bool hashable = true;    ///< false: PoolAction::hash is nothing
    bool evm = true;         ///< false: PoolAction::evm_tx is nothing
};

/// An address whose bytes are all `number`.
[[nodiscard]] Address address_of_number(std::uint8_t number);
/// The same input gives equal actions, different input different raw bytes, raw_id and hash. `raw` is no
/// protobuf.
[[nodiscard]] PoolActionPtr fake_action(const FakeAction& from);
[[nodiscard]] ExecutedBlock fake_block(std::uint64_t height, std::vector<Receipt> receipts = {},
                                       Clock::Wall time = {});

/// A pool that lists what it was told to.
class FakePool final : public ActPoolReader {
  public:
    [[nodiscard]] Result<std::vector<PoolActionPtr>> pending() override;
    [[nodiscard]] Result<ChainTip> tip() override;

    void set(std::vector<PoolActionPtr> actions);
    void add(PoolActionPtr action);
    /// By raw_id; true when it was there.
    bool remove(const Hash256& raw_id);
    void set_tip(ChainTip tip);
    /// Every pending() fails with this until it is set to nothing; likewise tip(). Before the first set_tip()
    /// tip() fails with unavailable.
    void fail_pending(std::optional<Error> error);
    void fail_tip(std::optional<Error> error);
    /// Calls of pending() so far, failed ones too.
    [[nodiscard]] std::uint64_t polls() const;

  private:
    mutable std::mutex mutex_;
    std::vector<PoolActionPtr> actions_;
    std::optional<ChainTip> tip_;
    std::optional<Error> pending_error_;
    std::optional<Error> tip_error_;
    std::uint64_t polls_ = 0;
};

/// Accounts by address; one never set is a fresh one.
class FakeState final : public StateReader {
  public:
    [[nodiscard]] std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                                             std::uint64_t height) override;

    void set(const Address& address, AccountState state);
    /// Reads of this address fail until it is set to nothing.
    void fail_address(const Address& address, std::optional<Error> error);
    void fail_all(std::optional<Error> error);
    /// Only these heights are held, reads at others are out_of_range; nothing = any height (the start).
    void hold_only(std::optional<std::set<std::uint64_t>> heights);

    /// Calls wait from now on until release(). A test that stalls must release before its threads are joined.
    void stall();
    void release();
    /// Waits until `calls` of them stand still in accounts().
    void wait_until_stalled(std::uint32_t calls);

    /// What was asked, in order: one entry a call of accounts().
    struct Call {
        std::vector<Address> addresses;
        std::uint64_t height = 0;
    };
    [[nodiscard]] std::vector<Call> calls() const;
    /// How often this address was read, over all calls.
    [[nodiscard]] std::uint64_t reads(const Address& address) const;
    /// Most calls that were under way at once.
    [[nodiscard]] std::uint32_t peak_concurrency() const;

  private:
    [[nodiscard]] Result<AccountState> account(const Address& address,
                                               std::uint64_t height) const;  // lock held

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

/// Blocks as they are pushed. next() waits for what is not there yet.
class FakeBlocks final : public BlockSource {
  public:
    [[nodiscard]] Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override;

    /// Any order, gaps allowed (the port's reader then waits at the gap); the same height again replaces.
    void push(ExecutedBlock block);
    /// The next call of next(), or the one that waits, fails with this, once; several queue up.
    void push_error(Error error);
    /// Heights below are no longer held: out_of_range.
    void forget_below(std::uint64_t height);
    /// Waits until a reader has asked for `height` and stands still for want of it: then everything before is
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

/// Remembers what it was told.
class FakeSettler final : public RewardSettler {
  public:
    void epoch_closed(std::uint64_t epoch) override;
    [[nodiscard]] std::vector<std::uint64_t> closed() const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::uint64_t> closed_;
};

}  // namespace ioswarm::test
