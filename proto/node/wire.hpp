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

// The few messages of iotexapi.APIService that are used here (../shared/spec/node.md section 1), read off the
// wire by hand: actions keep their exact bytes, and unknown fields pass. Everything read is untrusted; every
// error is bad_data and names the field.

namespace ioswarm::proto {

inline constexpr const char* kGetActPoolActions = "/iotexapi.APIService/GetActPoolActions";
inline constexpr const char* kGetChainMeta = "/iotexapi.APIService/GetChainMeta";
inline constexpr const char* kGetRawBlocks = "/iotexapi.APIService/GetRawBlocks";
inline constexpr const char* kGetServerMeta = "/iotexapi.APIService/GetServerMeta";
inline constexpr const char* kStreamBlocks = "/iotexapi.APIService/StreamBlocks";

/// GetChainMetaResponse.
struct NodeChainMeta {
    std::uint64_t height = 0;
    std::uint32_t chain_id = 0;  ///< IoTeX's own: 1 mainnet, 2 testnet
};

[[nodiscard]] Bytes raw_blocks_request(std::uint64_t start, std::uint64_t count, bool with_receipts);

[[nodiscard]] Result<NodeChainMeta> read_chain_meta(BytesView response);
/// GetServerMetaResponse: the node's version as it calls itself, "v2.4.4"; empty when it does not say.
[[nodiscard]] Result<std::string> read_node_version(BytesView response);
/// GetActPoolActionsResponse: each serialized action; the views point into `response`.
[[nodiscard]] Result<std::vector<BytesView>> read_act_pool(BytesView response);

/// A block as a node tells of it, with what did not fit named.
struct NodeBlock {
    ExecutedBlock block;
    std::string
        first_unhashable;         ///< kind of, or fault in, the first action whose hash cannot be computed here
    std::string first_unmatched;  ///< hex hash of the first action that no receipt carries
    std::uint64_t actions = 0;
};

/// BlockInfo, with the hash of every action computed and looked for among the receipts. Two receipts of one
/// hash, a receipt of another height, a hash that is not 32 bytes: bad_data.
[[nodiscard]] Result<NodeBlock> read_block_info(BytesView block_info, const ChainIds& ids);
/// StreamBlocksResponse; its blockIdentifier, where there is one, must name the block's height.
[[nodiscard]] Result<NodeBlock> read_stream_block(BytesView response, const ChainIds& ids);
/// GetRawBlocksResponse; the heights must be start, start + 1, … (at most `count` of them).
[[nodiscard]] Result<std::vector<NodeBlock>> read_raw_blocks(BytesView response, std::uint64_t start,
                                                             std::uint64_t count, const ChainIds& ids);
/// The same answer asked without receipts: header of its only block, whose height must be `height`.
[[nodiscard]] Result<ChainTip> read_header_only(BytesView response, std::uint64_t height);

}  // namespace ioswarm::proto
