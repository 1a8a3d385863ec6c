// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace ioswarm {

/// Time between two blocks of IoTeX mainnet and testnet since the upgrade named Wake.
inline constexpr std::chrono::milliseconds kIotexBlockInterval{2'500};

/// The time that contracts will see in the block that comes `blocks` after one of the time `block`, if no
/// producer misses its turn. It is in whole seconds since 1970, rounded down, as in the chain's headers.
///
/// The chain begins the turns of its producers on a grid: the genesis time, which is a multiple of 5 s, plus a
/// multiple of the interval. So on mainnet and testnet every second block has half a second in its time. web3
/// leaves that out, and a time that ends in 2 or 7 stands for half a second more.
[[nodiscard]] constexpr std::chrono::seconds later_block_time(std::chrono::system_clock::time_point block,
                                                              std::chrono::milliseconds interval,
                                                              std::uint64_t blocks = 1) {
    using std::chrono::seconds;
    auto since = std::chrono::floor<std::chrono::milliseconds>(block.time_since_epoch());
    if (interval == kIotexBlockInterval && since % seconds(5) == seconds(2)) since += interval % seconds(1);
    return std::chrono::floor<seconds>(since + interval * static_cast<std::int64_t>(blocks));
}

}  // namespace ioswarm
