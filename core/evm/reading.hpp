// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "core/base/result.hpp"
#include "core/evm/transaction.hpp"

namespace ioswarm::evm {

/// The state of one height, as far as it has been fetched. Not thread-safe.
class FetchedState final : public StateSource {
  public:
    /// `behind` is asked for everything that this object does not have yet, and the answers are kept here. It
    /// may be null. Otherwise it must have the state of the same height, and outlive this object.
    explicit FetchedState(StateSource* behind = nullptr) : behind_(behind) {}

    [[nodiscard]] std::optional<AccountRecord> account(const Address& address) override;
    /// If an account was fetched and does not exist, it has no slots, so nothing is fetched for it.
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

/// Fetches the parts of the state that runs were missing.
class StateFetcher {
  public:
    virtual ~StateFetcher() = default;

    /// Puts everything in `missing` into `state`, all read at the same height. May block up to its own timeout.
    /// After an error `state` may hold a part of it. Errors: unavailable, timed_out, bad_data; out_of_range
    /// when the source no longer holds the height.
    [[nodiscard]] virtual Status fetch(const Missing& missing, FetchedState& state) = 0;
};

/// Makes fetchers that read the state of the newest block. Thread-safe.
class StateFetchers {
  public:
    virtual ~StateFetchers() = default;

    /// Returns a fetcher of the state that the block at `height` left. One thread may use it, and this object
    /// must outlive it. Once there is a newer block, its fetches may fail with out_of_range. After a request to
    /// stop its fetches end soon.
    [[nodiscard]] virtual std::unique_ptr<StateFetcher> at(std::uint64_t height, std::stop_token stop) = 0;
};

/// The limits for one transaction.
struct ReadingBounds {
    unsigned rounds = 8;  ///< number of fetches
    std::size_t accounts = 256;
    std::size_t slots = 2'048;
    std::size_t code_bytes = std::size_t{4} << 20;
    /// No block can hold a transaction with a higher gas limit. Its memory would not be bounded by its gas.
    std::uint64_t gas = 50'000'000;
    std::uint64_t work = kPrecompileWork;  ///< of precompiled contracts in one run; see RunLimits
    std::chrono::milliseconds time{500};
};

/// The reason why a reading ended. `work` stands for both the gas limit and the work of precompiled contracts.
enum class ReadingEnd : std::uint8_t {
    complete,
    rounds,
    accounts,
    slots,
    code_bytes,
    work,
    time,
    fetch_failed
};
[[nodiscard]] std::string_view to_string(ReadingEnd end) noexcept;

struct Reading {
    ReadingEnd end = ReadingEnd::complete;
    unsigned rounds = 0;  ///< number of fetches that were made
    Outcome outcome;      ///< outcome of the last run; only a guess unless `end` is complete
    Error error;          ///< the error of a failed fetch
};

/// Runs the transaction, fetches everything that the run was missing, and runs again, until nothing is missing
/// or a limit is passed. The first fetch gets the sender, the recipient and the access list without a run.
/// `state` keeps everything that was fetched, for other transactions of the same height; the limits count all
/// that it holds. `seen` is what the run reads from, if that is a different view of `state`. It must have
/// everything that `state` holds. A request to stop ends the reading like a passed deadline.
[[nodiscard]] Reading run_and_read(Executor& executor, const Transaction& transaction,
                                   const BlockContext& block, const Rules& rules, FetchedState& state,
                                   StateFetcher& fetcher, const ReadingBounds& bounds = {},
                                   StateSource* seen = nullptr, std::stop_token stop = {});

}  // namespace ioswarm::evm
