// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"
#include "core/net/json_rpc.hpp"
#include "proto/node/web3_endpoint.hpp"

// Reads blocks over web3: the tip and the receipts. This is for nodes whose gRPC API cannot be used.
// eth_getBlockReceipts leaves out system actions, reports only success or failure, and gives no raw actions to
// hash.

namespace ioswarm::proto {

/// Reads a block object of eth_getBlockByNumber. Error bad_data names the field.
[[nodiscard]] Result<ChainTip> read_web3_block(std::string_view json);
/// Reads the answer to eth_getBlockReceipts for the block at `height`.
[[nodiscard]] Result<std::vector<Receipt>> read_web3_receipts(std::string_view json, std::uint64_t height);

/// Errors: those of JsonRpcClient; not_found (the node has no such block); unavailable (the node refused).
[[nodiscard]] Result<ChainTip> web3_tip(Web3Endpoint& web3, const std::stop_token& stop = {});
[[nodiscard]] Result<ExecutedBlock> web3_block(Web3Endpoint& web3, std::uint64_t height,
                                               const std::stop_token& stop = {});

}  // namespace ioswarm::proto
