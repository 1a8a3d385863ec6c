// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "core/base/result.hpp"
#include "core/evm/transaction.hpp"

namespace ioswarm::evm {

/// State of one height that was fetched so far. Not thread-safe.
class FetchedState final : public StateSource {
  public:
    /// `behind` (null: nothing) is asked for what is not held yet, and what it knows is held from then on. It
    /// must know the same height and outlive this.
    explicit FetchedState(StateSource* behind = nullptr) : behind_(behind) {}

    [[nodiscard]] std::optional<AccountRecord> account(const Address& address) override;
    /// An account that was fetched and does not exist has no slots, so nothing is fetched for it.
    [[nodiscard]] std::optional<SlotRecord> slot(const Address& address, const Word& key) override;
    [[nodiscard]] std::optional<Hash256> block_hash(std::uint64_t height) override;

    void put(const Address& address, AccountRecord record);
    void put(const Address& address, const Word& key, SlotRecord record);
    void put_block_hash(std::uint64_t height, const Hash256& hash) { hashes_[height] = hash; }

    [[nodiscard]] std::size_t accounts() const noexcept { return accounts_.size(); }
    [[nodiscard]] std::size_t slots() const noexcept { return slot_count_; }
    [[nodiscard]] std::size_t code_bytes() const noexcept { return code_bytes_; }

  private:
    StateSource* behind_;
    std::unordered_map<Address, AccountRecord, FixedBytesHash> accounts_;
    std::unordered_map<Address, std::unordered_map<Word, SlotRecord, WordHash>, FixedBytesHash> slots_;
    std::map<std::uint64_t, Hash256> hashes_;
    std::size_t slot_count_ = 0;
    std::size_t code_bytes_ = 0;
};

/// Fetches what runs miss.
class StateFetcher {
  public:
    virtual ~StateFetcher() = default;

    /// Puts everything in `missing` into `state`, all of it read at one height. May block up to its own
    /// time-out. After an error `state` may hold part of it. Errors: unavailable, timed_out, bad_data;
    /// out_of_range when the source no longer holds the height.
    [[nodiscard]] virtual Status fetch(const Missing& missing, FetchedState& state) = 0;
};

/// Where the state of the newest block is read. Thread-safe.
class StateFetchers {
  public:
    virtual ~StateFetchers() = default;

    /// A fetcher of the state that the block at `height` left; used by one thread, and not longer than this.
    /// Once a newer block is there its fetches may fail with out_of_range.
    [[nodiscard]] virtual std::unique_ptr<StateFetcher> at(std::uint64_t height) = 0;
};

/// What one transaction may take.
struct ReadingBounds {
    unsigned rounds = 8;  ///< fetches
    std::size_t accounts = 256;
    std::size_t slots = 2'048;
    std::size_t code_bytes = std::size_t{4} << 20;
    std::chrono::milliseconds time{500};
};

/// Why a reading ended.
enum class ReadingEnd : std::uint8_t { complete, rounds, accounts, slots, code_bytes, time, fetch_failed };
[[nodiscard]] std::string_view to_string(ReadingEnd end) noexcept;

struct Reading {
    ReadingEnd end = ReadingEnd::complete;
    unsigned rounds = 0;  ///< fetches that were made
    Outcome outcome;      ///< of the last run; a guess unless the end is complete
    Error error;          ///< of a fetch that failed
};

/// Runs the transaction, fetches everything that the run missed, and runs again, until nothing is missing or a
/// bound is passed. The first fetch brings sender, recipient and access list without a run. `state` keeps what
/// was fetched, for other transactions of the same height; the bounds count what it holds in all. `seen` is
/// what the run reads from, when that is another view of `state` than `state` itself: nothing may be missing
/// from it that `state` holds.
[[nodiscard]] Reading run_and_read(Executor& executor, const Transaction& transaction,
                                   const BlockContext& block, const Rules& rules, FetchedState& state,
                                   StateFetcher& fetcher, const ReadingBounds& bounds = {},
                                   StateSource* seen = nullptr);

}  // namespace ioswarm::evm
