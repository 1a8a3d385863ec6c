// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "core/base/result.hpp"
#include "core/model/action.hpp"

namespace ioswarm::sim {

/// The settings of the embedded chain. Its transactions, blocks and receipts depend only on seed, block_time,
/// tps, accounts, last_slot and ids. The other fields and the clock only decide when things happen.
struct ChainSettings {
    std::uint64_t seed = 1;
    std::chrono::milliseconds block_time{5000};  ///< 10 ms .. 25 s
    std::uint32_t tps = 10;                      ///< new transactions per second; tps · block_time ≤ 100,000
    std::uint32_t accounts = 1000;               ///< sending accounts, 2 .. 100,000
    /// Blocks up to this height count as already produced; the chain continues with the next one. At most 200
    /// million transactions are replayed to get there.
    std::uint64_t resume_height = 0;
    /// Slots after this one bring no new transactions, but blocks continue, so that every figure can settle. 0
    /// = no limit.
    std::uint64_t last_slot = 0;
    bool start_held = false;  ///< start in the state after EmbeddedChain::hold()
    /// For this long after the start nothing arrives and no block comes; the tip's time is always now. A chain
    /// that is resumed has no quiet slots, so agents need this time to come back before the next block.
    std::chrono::milliseconds start_pause{0};
    ChainIds ids;
};

inline constexpr std::chrono::milliseconds kMinBlockTime{10};
inline constexpr std::chrono::milliseconds kMaxBlockTime{
    25'000};  // nothing is dispatched from a source that is 30 s behind
inline constexpr std::uint64_t kMaxSlotArrivals = 100'000;
inline constexpr std::uint32_t kMaxAccounts = 100'000;
inline constexpr std::uint64_t kMaxReplayedTransactions = 200'000'000;

/// Slots 0 and 1 bring no transactions, so that agents can register first.
inline constexpr std::uint64_t kQuietSlots = 2;

/// Checks the ranges. Error config: names the setting.
[[nodiscard]] Status check(const ChainSettings& settings);

/// With fewer accounts, no transaction is replaced or unaffordable.
inline constexpr std::uint32_t kAccountsForScenes = 16;

/// The share of each kind of transaction, in ‰ of new transactions; fixed by the seed. The rest are transfers.
struct Shares {
    std::uint32_t replaced;      ///< 8..15: replaced by a better-paid one with the same nonce
    std::uint32_t unaffordable;  ///< 4..7: never mined, because an earlier transaction spent the balance
    std::uint32_t reverted;      ///< 30..59: calls that are mined with status 106
    std::uint32_t transfer_to_contract;  ///< 5..14: native ones, mined with status 0
    std::uint32_t staking_error;         ///< 10..24: mined with status 202, 203 or 205
    std::uint32_t staking;               ///< 30..49: mined with status 1
    std::uint32_t creation;              ///< 10..19
    std::uint32_t call;                  ///< 250..349
};
[[nodiscard]] Shares shares_of(std::uint64_t seed) noexcept;

}  // namespace ioswarm::sim
