// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"

namespace ioswarm::test {

/// The time of the made-up block 0, in seconds since 1970: 2026-11-22.
inline constexpr std::uint64_t kFakeFirstSecond = 1'795'305'600;

// Functions that build a node's messages, for cases that were not recorded.

struct FakeReceipt {
    Bytes action_hash;
    std::uint64_t status = 1;
    std::optional<std::uint64_t> height{};  ///< of the receipt; empty: the block's height
};
/// A serialized BlockInfo. Its base fee is 10^12 rau and its time is 2026-11-22 plus 5 seconds per height.
[[nodiscard]] Bytes make_block_info(std::uint64_t height, const std::vector<Bytes>& actions = {},
                                    const std::vector<FakeReceipt>& receipts = {});
/// A StreamBlocksResponse with this block. `named_height` is the height in its block identifier.
[[nodiscard]] Bytes make_stream_block(const Bytes& block_info, std::uint64_t named_height);
/// The elements of the repeated field 1.
[[nodiscard]] std::vector<Bytes> split_field_1(BytesView message);

}  // namespace ioswarm::test
