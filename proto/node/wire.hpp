// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/action.hpp"
#include "core/model/chain.hpp"

// The few messages of iotexapi.APIService that are used here. They are read without generated code, so that
// actions keep their exact bytes and unknown fields are skipped. All input is untrusted. Every error is
// bad_data and names the field.

namespace ioswarm::proto {

/// The paths of the methods.
inline constexpr const char* kGetActPoolActions = "/iotexapi.APIService/GetActPoolActions";
inline constexpr const char* kGetChainMeta = "/iotexapi.APIService/GetChainMeta";
inline constexpr const char* kGetRawBlocks = "/iotexapi.APIService/GetRawBlocks";
inline constexpr const char* kGetServerMeta = "/iotexapi.APIService/GetServerMeta";
inline constexpr const char* kStreamBlocks = "/iotexapi.APIService/StreamBlocks";

/// A second in the year 2255. It fits into 64 bits as nanoseconds since 1970, with a margin.
inline constexpr std::uint64_t kMaxTimestampSeconds = 9'000'000'000;

/// The parts of GetChainMetaResponse that are used.
struct NodeChainMeta {
    std::uint64_t height = 0;
    std::uint32_t chain_id = 0;  ///< IoTeX's own chain id: 1 mainnet, 2 testnet
};

/// Encodes a GetRawBlocksRequest for `count` blocks from height `start` on.
[[nodiscard]] Bytes raw_blocks_request(std::uint64_t start, std::uint64_t count, bool with_receipts);

[[nodiscard]] Result<NodeChainMeta> read_chain_meta(BytesView response);
/// Reads GetServerMetaResponse and returns the node's version, such as "v2.4.4", at most 64 bytes of it; empty
/// if it has none.
[[nodiscard]] Result<std::string> read_node_version(BytesView response);
/// Reads GetActPoolActionsResponse and returns each serialized action. The views point into `response`.
[[nodiscard]] Result<std::vector<BytesView>> read_act_pool(BytesView response);

/// A block, and the first actions that could not be matched with a receipt, for the log.
struct NodeBlock {
    ExecutedBlock block;
    /// The first action whose hash cannot be computed here: the name of its kind, or the parser's error.
    std::string first_unhashable;
    std::string first_unmatched;  ///< hex hash of the first action that has no receipt
    std::uint64_t actions = 0;    ///< number of actions in the block
};

/// Reads a BlockInfo, computes the hash of each action and looks for it among the receipts. Error bad_data,
/// also if two receipts have the same hash, a receipt has another height, or a hash is not 32 bytes long.
[[nodiscard]] Result<NodeBlock> read_block_info(BytesView block_info, const ChainIds& ids);
/// Reads a StreamBlocksResponse. If it has a blockIdentifier with a height other than 0, that must be the
/// block's.
[[nodiscard]] Result<NodeBlock> read_stream_block(BytesView response, const ChainIds& ids);
/// Reads a GetRawBlocksResponse. The heights must be start, start + 1, … (at most `count` of them).
[[nodiscard]] Result<std::vector<NodeBlock>> read_raw_blocks(BytesView response, std::uint64_t start,
                                                             std::uint64_t count, const ChainIds& ids);
/// Reads a GetRawBlocksResponse that was requested without receipts. Returns the header of its only block,
/// whose height must be `height`.
[[nodiscard]] Result<ChainTip> read_header_only(BytesView response, std::uint64_t height);

}  // namespace ioswarm::proto
