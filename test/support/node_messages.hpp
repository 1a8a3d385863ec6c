// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"

namespace ioswarm::test {

/// The second of height 0 in what is built here: 2026-11-22.
inline constexpr std::uint64_t kFakeFirstSecond = 1'795'305'600;

// Builders of what a node says, for what no recording has.

struct FakeReceipt {
    Bytes action_hash;
    std::uint64_t status = 1;
    std::optional<std::uint64_t> height{};  ///< of the receipt; nothing: the block's
};
/// A serialized BlockInfo; its base fee is 10^12 rau, its time 2026-11-22 and `height` times 5 seconds.
[[nodiscard]] Bytes make_block_info(std::uint64_t height, const std::vector<Bytes>& actions = {},
                                    const std::vector<FakeReceipt>& receipts = {});
/// The StreamBlocksResponse around it; `named_height` stands in the block identifier.
[[nodiscard]] Bytes make_stream_block(const Bytes& block_info, std::uint64_t named_height);
/// The elements of repeated field 1.
[[nodiscard]] std::vector<Bytes> split_field_1(BytesView message);

}  // namespace ioswarm::test
